#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/db/errors.h"
#include "platform/db/row.h"
#include "platform/db/settings.h"
#include "platform/db/value.h"

namespace prometheus {
class Registry;
}

namespace milepost::db {

// A statement and the name it has in metrics and logs. Values are always bound (`?`), never written
// into the text; a text put together at run time consists of constant fragments and placeholders
// only.
struct Statement {
  std::string_view name;
  std::string_view sql;
};

// "?, ?, ?" for an IN list, or with `tuple` "(?, ?)" for rows of VALUES: "(?, ?), (?, ?)".
std::string Placeholders(size_t count, std::string_view tuple = "?");

class Connection;  // The driver's connection with its prepared statements.
class Metrics;

// What reads: each statement sees what was committed when it started (READ COMMITTED).
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  template <typename... Args>
  absl::StatusOr<Rows> Query(const Statement& statement, Args&&... args) {
    return QueryValues(statement, {Value(std::forward<Args>(args))...});
  }
  absl::StatusOr<Rows> QueryValues(const Statement& statement, const std::vector<Value>& values);

 protected:
  explicit Snapshot(Connection& connection) : connection_(connection) {}
  Connection& connection_;
  friend class Session;
};

// A transaction in progress. Belongs to the lambda given to Session::Transact and to its thread.
class Transaction : public Snapshot {
 public:
  // Runs INSERT, UPDATE or DELETE. Returns the rows matched (also when nothing changed in them);
  // for an upsert 1 for an inserted and 2 for an updated row.
  template <typename... Args>
  absl::StatusOr<int64_t> Execute(const Statement& statement, Args&&... args) {
    return ExecuteValues(statement, {Value(std::forward<Args>(args))...});
  }
  absl::StatusOr<int64_t> ExecuteValues(const Statement& statement,
                                        const std::vector<Value>& values);

  // Inserts any number of rows. `head` is the statement up to and with VALUES, `tuple` the places
  // of one row, "(?, ?)", and `values` holds the rows one after the other. In statements of few
  // different sizes, so that all of them stay prepared, and each smaller than a packet may be.
  absl::Status InsertRows(const Statement& head, std::string_view tuple,
                          const std::vector<Value>& values);

  // Runs right before COMMIT, in order of registration, inside the transaction; an error rolls
  // back. Forgotten when the transaction is run again.
  void BeforeCommit(std::function<absl::Status(Transaction&)> hook) {
    before_.push_back(std::move(hook));
  }
  // Runs after a successful COMMIT.
  void AfterCommit(std::function<void()> hook) { after_.push_back(std::move(hook)); }

  // A place for one library's per-transaction state (the change rows being gathered), dropped with
  // the transaction.
  std::shared_ptr<void>& attachment() { return attachment_; }

 private:
  friend class Session;
  explicit Transaction(Connection& connection) : Snapshot(connection) {}
  std::vector<std::function<absl::Status(Transaction&)>> before_;
  std::vector<std::function<void()>> after_;
  std::shared_ptr<void> attachment_;
};

// Counters shared by all sessions of a process; null is allowed where none are wanted.
std::shared_ptr<Metrics> MakeMetrics(prometheus::Registry& registry);

// One connection with its prepared statements, made at first use and made anew after it was lost.
// Used by one thread at a time.
class Session {
 public:
  explicit Session(Settings settings, std::shared_ptr<Metrics> metrics = nullptr);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Names the unit of work in metrics, and the moment until which conflicts are retried.
  void StartUnit(std::string unit, absl::Time deadline);

  // Runs `body` (Transaction& → absl::Status or absl::StatusOr<T>) in a transaction and commits if
  // it returns OK, else rolls back. After a deadlock or lock time-out, and when the connection was
  // lost before COMMIT, the whole body runs again, up to 3 times with jitter inside the deadline,
  // so it touches only `tx`. ABORTED if that did not help. UNAVAILABLE if the database is away; if
  // IsUnknownCommit(status), the transaction may or may not have happened.
  template <typename Body>
  auto Transact(Body&& body) -> std::invoke_result_t<Body&, Transaction&> {
    using Result = std::invoke_result_t<Body&, Transaction&>;
    Result result{absl::UnknownError("not run")};
    const absl::Status status = TransactImpl([&](Transaction& tx) -> absl::Status {
      result = body(tx);
      return StatusOf(result);
    });
    if (!status.ok()) return status;
    return result;
  }

  // Runs `body` (Snapshot& → absl::Status or absl::StatusOr<T>) that only reads. Read again once if
  // the connection was lost.
  template <typename Body>
  auto Read(Body&& body) -> std::invoke_result_t<Body&, Snapshot&> {
    using Result = std::invoke_result_t<Body&, Snapshot&>;
    Result result{absl::UnknownError("not run")};
    const absl::Status status = ReadImpl([&](Snapshot& snapshot) -> absl::Status {
      result = body(snapshot);
      return StatusOf(result);
    });
    if (!status.ok()) return status;
    return result;
  }

  // Ends the read transaction that Read leaves open (it saves a round trip; under READ COMMITTED it
  // holds no rows, only the tables' definitions). Whoever owns the session calls it when it becomes
  // idle. Cheap if there is none.
  void EndRead();
  // True if a read transaction has been open for longer than a migration should wait.
  bool ReadIsOld() const;

  // A round trip to the server; connects if need be.
  absl::Status Ping();

  // Runs one statement outside transactions, as text: migrations and test set-up only.
  absl::Status RunText(const std::string& sql);

 private:
  static absl::Status StatusOf(const absl::Status& status) { return status; }
  template <typename T>
  static absl::Status StatusOf(const absl::StatusOr<T>& result) {
    return result.status();
  }
  absl::Status Connect();
  absl::Status TransactImpl(const std::function<absl::Status(Transaction&)>& body);
  absl::Status ReadImpl(const std::function<absl::Status(Snapshot&)>& body);

  Settings settings_;
  std::shared_ptr<Metrics> metrics_;
  std::unique_ptr<Connection> connection_;
  std::string unit_ = "none";
  absl::Time deadline_ = absl::InfiniteFuture();
  absl::Time read_since_ = absl::InfiniteFuture();
};

}  // namespace milepost::db
