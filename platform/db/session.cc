#include "platform/db/session.h"

#include <cppconn/connection.h>
#include <cppconn/datatype.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>
#include <mysql_driver.h>

#include <algorithm>
#include <array>
#include <list>
#include <mutex>
#include <random>
#include <span>
#include <thread>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "platform/log/log.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace milepost::db {
namespace {

constexpr int kMaxAttempts = 4;  // The first and 3 retries.
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(10);
constexpr absl::Duration kOldRead = absl::Milliseconds(100);
constexpr size_t kMaxPrepared = 256;
// Rows of one INSERT: these, and below the last one any number. The driver grows a request bit by
// bit, copying it each time, so that large statements cost more for each row.
constexpr size_t kInsertRows[] = {100, 25};
constexpr size_t kMaxInsertBytes =
    8 * 1024 * 1024;  // Below the usual max_allowed_packet of 16 MiB.

size_t BytesOf(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.variant());
  return text == nullptr ? 0 : text->size();
}

// Strict SQL, UTC, the one collation, and no waiting longer for a lock than a caller would.
constexpr char kSessionSetup[] =
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin, time_zone='+00:00', innodb_lock_wait_timeout=5, "
    "sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";

bool IsLoopback(const std::string& host) {
  return host == "127.0.0.1" || host == "localhost" || host == "::1";
}

sql::Driver* Driver() {
  // The driver's own initialisation is not safe from several threads.
  static std::once_flag once;
  static sql::Driver* driver = nullptr;
  std::call_once(once, [] { driver = get_driver_instance(); });
  return driver;
}

absl::Duration Jitter(absl::Duration up_to) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return up_to * std::uniform_real_distribution<double>(0.0, 1.0)(random);
}

}  // namespace

std::string Placeholders(size_t count, std::string_view tuple) {
  std::string out;
  out.reserve(count * (tuple.size() + 2));
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ", ";
    out += tuple;
  }
  return out;
}

class Metrics {
 public:
  explicit Metrics(prometheus::Registry& registry)
      : tx_seconds_(prometheus::BuildHistogram()
                        .Name("milepost_db_tx_seconds")
                        .Help("Time of one transaction, retries included.")
                        .Register(registry)),
        tx_total_(prometheus::BuildCounter()
                      .Name("milepost_db_tx_total")
                      .Help("Transactions by outcome.")
                      .Register(registry)),
        retries_(prometheus::BuildCounter()
                     .Name("milepost_db_tx_retries_total")
                     .Help("Transactions run again, by engine code.")
                     .Register(registry)),
        connections_(prometheus::BuildGauge()
                         .Name("milepost_db_pool_connections")
                         .Help("Connections by state.")
                         .Register(registry)) {
    for (const char* state : {"idle", "busy", "opening"}) {
      gauges_.emplace(state, &connections_.Add({{"state", state}}));
    }
  }

  struct Unit {
    prometheus::Histogram* seconds;
    std::array<prometheus::Counter*, 4> outcomes;  // ok, conflict, unknown, error
  };

  void Count(const std::string& unit, absl::Duration took, const absl::Status& status) {
    Unit& entry = Get(unit);
    entry.seconds->Observe(absl::ToDoubleSeconds(took));
    const int outcome = IsUnknownCommit(status)   ? 2
                        : IsConflict(status)      ? 1
                        : EngineCode(status) != 0 ? 3
                                                  : 0;
    entry.outcomes[static_cast<size_t>(outcome)]->Increment();
  }
  void CountRetry(const std::string& unit, int code) {
    retries_.Add({{"unit", unit}, {"code", absl::StrCat(code)}}).Increment();
  }
  void Move(const char* from, const char* to) {
    if (from != nullptr) gauges_.at(from)->Decrement();
    if (to != nullptr) gauges_.at(to)->Increment();
  }

 private:
  Unit& Get(const std::string& unit) {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto found = units_.find(unit);
    if (found != units_.end()) return found->second;
    Unit entry{
        &tx_seconds_.Add({{"unit", unit}},
                         prometheus::Histogram::BucketBoundaries{.0005, .001, .002, .005, .01, .02,
                                                                 .05, .1, .2, .5, 1, 2, 5, 10}),
        {}};
    static constexpr const char* kOutcomes[] = {"ok", "conflict", "unknown", "error"};
    for (size_t i = 0; i < 4; ++i)
      entry.outcomes[i] = &tx_total_.Add({{"unit", unit}, {"outcome", kOutcomes[i]}});
    return units_.emplace(unit, entry).first->second;
  }

  std::mutex mutex_;
  std::unordered_map<std::string, Unit> units_;
  std::unordered_map<std::string, prometheus::Gauge*> gauges_;
  prometheus::Family<prometheus::Histogram>& tx_seconds_;
  prometheus::Family<prometheus::Counter>& tx_total_;
  prometheus::Family<prometheus::Counter>& retries_;
  prometheus::Family<prometheus::Gauge>& connections_;
};

std::shared_ptr<Metrics> MakeMetrics(prometheus::Registry& registry) {
  return std::make_shared<Metrics>(registry);
}

// The only class that meets the driver and its exceptions.
class Connection {
 public:
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const Settings& settings) {
    const bool tls = !settings.ca_file.empty();
    if (settings.socket.empty() && !tls && !IsLoopback(settings.host)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "database host ", settings.host, " is not loopback: --database-ca-file is required"));
    }
    try {
      sql::ConnectOptionsMap options;
      options["hostName"] = sql::SQLString(
          settings.socket.empty() ? absl::StrCat("tcp://", settings.host, ":", settings.port)
                                  : absl::StrCat("unix://", settings.socket));
      options["userName"] = sql::SQLString(settings.user);
      options["password"] = sql::SQLString(settings.password);
      if (!settings.database.empty()) options["schema"] = sql::SQLString(settings.database);
      options["OPT_CHARSET_NAME"] = sql::SQLString("utf8mb4");
      options["OPT_CONNECT_TIMEOUT"] =
          static_cast<int>(absl::ToInt64Seconds(settings.connect_timeout));
      options["OPT_READ_TIMEOUT"] = static_cast<int>(absl::ToInt64Seconds(settings.read_timeout));
      options["OPT_WRITE_TIMEOUT"] = static_cast<int>(absl::ToInt64Seconds(settings.read_timeout));
      options["CLIENT_FOUND_ROWS"] = true;
      options["postInit"] = sql::SQLString(kSessionSetup);
      if (tls) {
        options["sslVerify"] = true;
        options["sslCA"] = sql::SQLString(settings.ca_file);
      }
      std::unique_ptr<sql::Connection> driver(Driver()->connect(options));
      driver->setTransactionIsolation(sql::TRANSACTION_READ_COMMITTED);
      driver->setAutoCommit(false);
      if (tls) {
        // The driver can fall back to plaintext in silence.
        std::unique_ptr<sql::Statement> statement(driver->createStatement());
        std::unique_ptr<sql::ResultSet> cipher(
            statement->executeQuery("SHOW STATUS LIKE 'Ssl_cipher'"));
        if (!cipher->next() || cipher->getString(2).length() == 0) {
          return absl::UnavailableError("the database connection is not encrypted");
        }
      }
      return std::unique_ptr<Connection>(new Connection(std::move(driver)));
    } catch (const sql::SQLException& e) {
      absl::Status status = FromDriver(e.getErrorCode(), e.what(), "connect", false);
      if (status.code() == absl::StatusCode::kInternal)
        status = absl::UnavailableError(status.message());
      return status;
    }
  }

  absl::StatusOr<Rows> Query(const Statement& statement, std::span<const Value> values) {
    try {
      sql::PreparedStatement& prepared = Prepare(statement, values);
      const std::unique_ptr<sql::ResultSet> result(prepared.executeQuery());
      sql::ResultSetMetaData& meta = *result->getMetaData();
      const unsigned columns = meta.getColumnCount();
      std::vector<bool> number(columns);
      for (unsigned i = 0; i < columns; ++i) number[i] = IsInteger(meta.getColumnType(i + 1));
      Rows rows;
      rows.reserve(result->rowsCount());
      while (result->next()) {
        std::vector<Row::Cell> cells(columns);
        for (unsigned i = 0; i < columns; ++i) {
          Row::Cell& cell = cells[i];
          cell.null = result->isNull(i + 1);
          if (cell.null) continue;
          cell.number = number[i];
          if (cell.number) {
            cell.integer = result->getInt64(i + 1);
          } else {
            cell.text = result->getString(i + 1).asStdString();
          }
        }
        rows.emplace_back(std::move(cells));
      }
      return rows;
    } catch (const sql::SQLException& e) {
      return Failed(e, std::string(statement.name), false);
    }
  }

  absl::StatusOr<int64_t> Execute(const Statement& statement, std::span<const Value> values) {
    try {
      return int64_t{Prepare(statement, values).executeUpdate()};
    } catch (const sql::SQLException& e) {
      return Failed(e, std::string(statement.name), false);
    }
  }

  absl::Status RunText(const std::string& sql) {
    try {
      std::unique_ptr<sql::Statement> statement(driver_->createStatement());
      // Results must be taken (ANALYZE has one), or the next statement is out of step.
      for (bool more = statement->execute(sql); more; more = statement->getMoreResults()) {
        const std::unique_ptr<sql::ResultSet> ignored(statement->getResultSet());
      }
      return absl::OkStatus();
    } catch (const sql::SQLException& e) {
      return Failed(e, sql.substr(0, 60), false);
    }
  }

  // By statement: the driver's own commit() and rollback() drop the server's answer, so that a
  // commit that never happened would look like one.
  absl::Status Commit() {
    try {
      Control().execute("COMMIT");
      return absl::OkStatus();
    } catch (const sql::SQLException& e) {
      return Failed(e, "commit", true);
    }
  }

  absl::Status Rollback() {
    try {
      Control().execute("ROLLBACK");
      return absl::OkStatus();
    } catch (const sql::SQLException& e) {
      return Failed(e, "rollback", false);
    }
  }

  bool lost() const { return lost_; }

 private:
  explicit Connection(std::unique_ptr<sql::Connection> driver) : driver_(std::move(driver)) {}

  static bool IsInteger(int type) {
    switch (type) {
      case sql::DataType::BIT:
      case sql::DataType::TINYINT:
      case sql::DataType::SMALLINT:
      case sql::DataType::MEDIUMINT:
      case sql::DataType::INTEGER:
      case sql::DataType::BIGINT:
        return true;
      default:
        return false;
    }
  }

  absl::Status Failed(const sql::SQLException& e, const std::string& statement, bool in_commit) {
    absl::Status status = FromDriver(e.getErrorCode(), e.what(), statement, in_commit);
    if (IsConnectionLost(status)) lost_ = true;
    return status;
  }

  sql::Statement& Control() {
    if (control_ == nullptr) control_.reset(driver_->createStatement());
    return *control_;
  }

  // The prepared statement for the text, with its values bound. The least recently used one makes
  // room.
  sql::PreparedStatement& Prepare(const Statement& statement, std::span<const Value> values) {
    const std::string key(statement.sql);
    auto found = prepared_.find(key);
    if (found == prepared_.end()) {
      if (prepared_.size() >= kMaxPrepared) {
        prepared_.erase(recent_.back());
        recent_.pop_back();
      }
      std::unique_ptr<sql::PreparedStatement> fresh(driver_->prepareStatement(sql::SQLString(key)));
      recent_.push_front(key);
      found = prepared_.emplace(key, Entry{std::move(fresh), recent_.begin()}).first;
    } else {
      recent_.splice(recent_.begin(), recent_, found->second.place);
    }
    sql::PreparedStatement& prepared = *found->second.statement;
    unsigned index = 0;
    for (const Value& value : values) {
      ++index;
      if (const auto* number = std::get_if<int64_t>(&value.variant())) {
        prepared.setInt64(index, *number);
      } else if (const auto* text = std::get_if<std::string>(&value.variant())) {
        prepared.setString(index, sql::SQLString(*text));
      } else {
        prepared.setNull(index, sql::DataType::VARCHAR);
      }
    }
    return prepared;
  }

  struct Entry {
    std::unique_ptr<sql::PreparedStatement> statement;
    std::list<std::string>::iterator place;
  };

  std::unique_ptr<sql::Connection> driver_;
  std::unique_ptr<sql::Statement> control_;
  std::list<std::string> recent_;  // Statement texts, most recently used first.
  std::unordered_map<std::string, Entry> prepared_;
  bool lost_ = false;
};

absl::StatusOr<Rows> Snapshot::QueryValues(const Statement& statement,
                                           const std::vector<Value>& values) {
  return connection_.Query(statement, values);
}

absl::StatusOr<int64_t> Transaction::ExecuteValues(const Statement& statement,
                                                   const std::vector<Value>& values) {
  return connection_.Execute(statement, values);
}

absl::Status Transaction::InsertRows(const Statement& head, std::string_view tuple,
                                     const std::vector<Value>& values) {
  const auto columns = static_cast<size_t>(std::count(tuple.begin(), tuple.end(), '?'));
  std::span<const Value> rest(values);
  while (!rest.empty()) {
    const size_t left = rest.size() / columns;
    size_t rows = std::min(left, std::end(kInsertRows)[-1]);
    for (const size_t size : kInsertRows) {
      if (left >= size) {
        rows = size;
        break;
      }
    }
    size_t bytes = 0;
    for (size_t i = 0; i < rows * columns; ++i) {
      bytes += BytesOf(rest[i]);
      if (bytes > kMaxInsertBytes && i >= columns)
        rows = std::min(i / columns, std::end(kInsertRows)[-1]);
    }
    const std::string sql = std::string(head.sql) + Placeholders(rows, tuple);
    const absl::StatusOr<int64_t> inserted =
        connection_.Execute(Statement{head.name, sql}, rest.first(rows * columns));
    if (!inserted.ok()) return inserted.status();
    rest = rest.subspan(rows * columns);
  }
  return absl::OkStatus();
}

Session::Session(Settings settings, std::shared_ptr<Metrics> metrics)
    : settings_(std::move(settings)), metrics_(std::move(metrics)) {}

Session::~Session() {
  if (metrics_ != nullptr && connection_ != nullptr) metrics_->Move("idle", nullptr);
}

void Session::StartUnit(std::string unit, absl::Time deadline) {
  unit_ = std::move(unit);
  deadline_ = deadline;
}

absl::Status Session::Connect() {
  if (connection_ != nullptr && !connection_->lost()) return absl::OkStatus();
  if (metrics_ != nullptr) metrics_->Move(connection_ == nullptr ? nullptr : "idle", "opening");
  connection_.reset();
  read_since_ = absl::InfiniteFuture();
  absl::StatusOr<std::unique_ptr<Connection>> opened = Connection::Open(settings_);
  if (metrics_ != nullptr) metrics_->Move("opening", opened.ok() ? "idle" : nullptr);
  if (!opened.ok()) return opened.status();
  connection_ = *std::move(opened);
  return absl::OkStatus();
}

absl::Status Session::TransactImpl(const std::function<absl::Status(Transaction&)>& body) {
  const absl::Time start = absl::Now();
  absl::Duration backoff = kFirstBackoff;
  absl::Status status;
  for (int attempt = 1;; ++attempt) {
    status = Connect();
    if (status.ok()) {
      if (metrics_ != nullptr) metrics_->Move("idle", "busy");
      read_since_ = absl::InfiniteFuture();  // An open read transaction goes on as this one.
      Transaction tx(*connection_);
      status = body(tx);
      for (size_t i = 0; status.ok() && i < tx.before_.size(); ++i) status = tx.before_[i](tx);
      if (status.ok()) status = connection_->Commit();
      if (metrics_ != nullptr) metrics_->Move("busy", "idle");
      if (status.ok()) {
        for (const auto& hook : tx.after_) hook();
        break;
      }
      if (!connection_->lost() && !connection_->Rollback().ok()) connection_.reset();
    }
    const bool again = (IsConflict(status) || IsConnectionLost(status)) && !IsUnknownCommit(status);
    if (!again || attempt == kMaxAttempts || absl::Now() + backoff > deadline_) break;
    if (metrics_ != nullptr) metrics_->CountRetry(unit_, EngineCode(status));
    absl::SleepFor(Jitter(backoff));
    backoff *= 2;
  }
  if (metrics_ != nullptr) metrics_->Count(unit_, absl::Now() - start, status);
  return status;
}

absl::Status Session::ReadImpl(const std::function<absl::Status(Snapshot&)>& body) {
  absl::Status status;
  for (int attempt = 1; attempt <= 2; ++attempt) {
    status = Connect();
    if (!status.ok()) continue;
    if (metrics_ != nullptr) metrics_->Move("idle", "busy");
    if (read_since_ == absl::InfiniteFuture()) read_since_ = absl::Now();
    Snapshot snapshot(*connection_);
    status = body(snapshot);
    if (metrics_ != nullptr) metrics_->Move("busy", "idle");
    if (status.ok() || !IsConnectionLost(status)) break;
  }
  return status;
}

void Session::EndRead() {
  if (read_since_ == absl::InfiniteFuture() || connection_ == nullptr) return;
  read_since_ = absl::InfiniteFuture();
  if (!connection_->lost() && !connection_->Commit().ok() && metrics_ != nullptr) {
    metrics_->CountRetry(unit_, 0);
  }
}

bool Session::ReadIsOld() const { return absl::Now() - read_since_ > kOldRead; }

absl::Status Session::Ping() {
  static constexpr Statement kPing{"ping", "SELECT 1"};
  const absl::Status status =
      Read([](Snapshot& snapshot) { return snapshot.Query(kPing).status(); });
  EndRead();
  return status;
}

absl::Status Session::RunText(const std::string& sql) {
  if (absl::Status status = Connect(); !status.ok()) return status;
  if (absl::Status status = connection_->RunText(sql); !status.ok()) return status;
  return connection_->Commit();
}

}  // namespace milepost::db
