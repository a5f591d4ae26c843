#include "cli/loader.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text.h"
#include "milepost/customer/v1/customer.grpc.pb.h"
#include "milepost/opportunity/v1/opportunity.grpc.pb.h"
#include "milepost/opportunity/v1/process.grpc.pb.h"
#include "milepost/opportunity/v1/product.grpc.pb.h"
#include "milepost/opportunity/v1/source.grpc.pb.h"
#include "milepost/organization/v1/member.grpc.pb.h"
#include "milepost/organization/v1/unit.grpc.pb.h"
#include "platform/resource/name.h"
#include "platform/rpc/status.h"

namespace milepost::cli {
namespace {

constexpr size_t kBatch = 500;
constexpr size_t kInFlight = 3;  // Batches sent ahead of their answers, if there is one stream.
// Rows that depend on no other row of their kind are sent on so many streams at once, one batch on
// each: while the database writes one batch, the service checks another.
constexpr size_t kStreams = 4;
constexpr absl::Duration kReplicaWait = absl::Seconds(20);
constexpr absl::Duration kReplicaPause = absl::Milliseconds(300);
constexpr size_t kShownNotes = 20;

struct Problem {
  std::string field;
  std::string text;
};

std::vector<Problem> ProblemsOf(const customer::v1::ImportCustomersResult& result) {
  std::vector<Problem> problems;
  for (const auto& problem : result.problems())
    problems.push_back({problem.field(), problem.description()});
  return problems;
}
template <typename Result>
std::vector<Problem> ProblemsOf(const Result& result) {
  std::vector<Problem> problems;
  for (const auto& violation : result.violations())
    problems.push_back({violation.field(), violation.description()});
  return problems;
}

// Waiting may help: the service has not heard yet of what was loaded into another one.
bool MayBeBehind(const std::vector<Problem>& problems) {
  return !problems.empty() &&
         std::all_of(problems.begin(), problems.end(), [](const Problem& problem) {
           return absl::EndsWith(problem.field, "owner") ||
                  absl::EndsWith(problem.field, "customer");
         });
}

// What decides which stream a row takes; "" for rows that all take the same one.
template <typename Row>
std::string KeyOf(const Row& row) {
  if constexpr (requires { row.name(); }) {
    return row.name();
  } else {
    return "";
  }
}

// Sends rows in batches over bidirectional streams that `open` starts with a context, and counts
// the answers. A row takes the stream that its name falls to, so that rows of one name keep their
// order. Rows that may be refused only because a replica is behind are left in `again`.
template <typename Request, typename Response, typename Row, typename Open>
absl::Status Send(Client& client, Open open, const std::vector<Row>& rows, size_t streams,
                  const std::string& file, Progress& progress, int64_t& done, bool last_try,
                  LoadCount& count, std::vector<RowNote>& refused, std::vector<Row>& again) {
  struct Lane {
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> stream;
    std::vector<const Row*> rows;
    size_t sent = 0;
    size_t in_flight = 0;
    bool failed = false;
  };
  std::vector<Lane> lanes(std::min(streams, rows.size() / kBatch + 1));
  std::map<int64_t, const Row*> by_line;
  for (const Row& row : rows) {
    by_line[row.line()] = &row;
    lanes[std::hash<std::string>()(KeyOf(row)) % lanes.size()].rows.push_back(&row);
  }
  for (Lane& lane : lanes) {
    // A stream is bounded by its rows; the deadline only ends one that hangs.
    lane.context = client.Context(absl::Minutes(60));
    lane.stream = open(lane.context.get());
  }
  // A stream takes no second batch before it has worked off the first; the others would wait.
  const size_t ahead = lanes.size() == 1 ? kInFlight : 1;
  const auto fill = [&](Lane& lane) {
    while (!lane.failed && lane.sent < lane.rows.size() && lane.in_flight < ahead) {
      Request request;
      for (size_t i = 0; i < kBatch && lane.sent < lane.rows.size(); ++i)
        *request.add_rows() = *lane.rows[lane.sent++];
      lane.failed = !lane.stream->Write(request);
      ++lane.in_flight;
    }
  };
  const auto take = [&](const Response& response) {
    for (const auto& result : response.results()) {
      const std::string outcome = result.GetDescriptor()
                                      ->FindFieldByName("outcome")
                                      ->enum_type()
                                      ->FindValueByNumber(static_cast<int>(result.outcome()))
                                      ->name();
      if (outcome == "CREATED") {
        ++count.created;
      } else if (outcome == "UPDATED") {
        ++count.updated;
      } else if (outcome == "UNCHANGED") {
        ++count.unchanged;
      } else {
        const std::vector<Problem> problems = ProblemsOf(result);
        if (!last_try && MayBeBehind(problems)) {
          again.push_back(*by_line.at(result.line()));
          continue;
        }
        ++count.refused;
        std::string text;
        for (const Problem& problem : problems) {
          absl::StrAppend(&text, text.empty() ? "" : "; ", problem.field, ": ", problem.text);
        }
        refused.push_back({file, result.line(), text});
      }
      progress.Set(++done);
    }
  };
  for (Lane& lane : lanes) fill(lane);
  for (bool more = true; more;) {
    more = false;
    for (Lane& lane : lanes) {
      Response response;
      if (lane.failed || lane.in_flight == 0) continue;
      lane.failed = !lane.stream->Read(&response);
      if (lane.failed) continue;
      --lane.in_flight;
      fill(lane);
      take(response);
      more = true;
    }
  }
  absl::Status status;
  for (Lane& lane : lanes) {
    lane.stream->WritesDone();
    Response rest;
    while (lane.stream->Read(&rest)) {
    }
    const absl::Status ended = rpc::FromGrpcStatus(lane.stream->Finish());
    if (status.ok()) status = ended;
    if (status.ok() && lane.in_flight > 0) {
      status = absl::DataLossError(
          "the service ended the import before it had answered every row; repeat the import");
    }
  }
  return status;
}

template <typename Request, typename Response, typename Row, typename Open>
absl::Status LoadRows(Client& client, Open open, std::vector<Row> rows, const std::string& what,
                      const std::string& file, LoadResult& result, size_t streams = 1) {
  if (rows.empty()) return absl::OkStatus();
  LoadCount count;
  count.what = what;
  Progress progress(what, static_cast<int64_t>(rows.size()));
  int64_t done = 0;
  const absl::Time give_up = absl::Now() + kReplicaWait;
  while (!rows.empty()) {
    const bool last_try = absl::Now() > give_up;
    std::vector<Row> again;
    if (absl::Status status = Send<Request, Response>(client, open, rows, streams, file, progress,
                                                      done, last_try, count, result.refused, again);
        !status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("loading ", what, ": ", std::string(status.message())));
    }
    rows = std::move(again);
    if (!rows.empty()) absl::SleepFor(kReplicaPause);
  }
  result.counts.push_back(count);
  return absl::OkStatus();
}

absl::Status LoadProcesses(Client& client, const std::vector<opportunity::v1::Process>& processes,
                           LoadResult& result) {
  if (processes.empty()) return absl::OkStatus();
  const auto stub =
      opportunity::v1::ProcessService::NewStub(client.ChannelOf("milepost.opportunity.v1"));
  LoadCount count;
  count.what = "sales processes";
  for (const auto& process : processes) {
    opportunity::v1::GetProcessRequest get;
    get.set_name(process.name());
    opportunity::v1::Process found;
    if (stub->GetProcess(client.Context(absl::Seconds(30)).get(), get, &found).ok()) {
      ++count.unchanged;
      continue;
    }
    opportunity::v1::CreateProcessRequest create;
    create.set_process_id(resource::IdOf("processes", process.name()).value_or(""));
    *create.mutable_process() = process;
    create.mutable_process()->clear_name();
    create.set_request_id(NewUuid());
    const grpc::Status status =
        stub->CreateProcess(client.Context(absl::Seconds(30)).get(), create, &found);
    if (!status.ok() && status.error_code() != grpc::StatusCode::ALREADY_EXISTS)
      return rpc::FromGrpcStatus(status);
    ++count.created;
  }
  result.counts.push_back(count);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoadResult> Load(Client& client, const Dataset& data) {
  LoadResult result;
  const auto target = client.ChannelOf("milepost.organization.v1");
  const auto customer = client.ChannelOf("milepost.customer.v1");
  const auto opportunity = client.ChannelOf("milepost.opportunity.v1");
  const auto units = organization::v1::UnitService::NewStub(target);
  const auto members = organization::v1::MemberService::NewStub(target);
  const auto customers = customer::v1::CustomerService::NewStub(customer);
  const auto products = opportunity::v1::ProductService::NewStub(opportunity);
  const auto sources = opportunity::v1::SourceService::NewStub(opportunity);
  const auto opportunities = opportunity::v1::OpportunityService::NewStub(opportunity);

  absl::Status status =
      LoadRows<organization::v1::ImportUnitsRequest, organization::v1::ImportUnitsResponse>(
          client, [&](auto* context) { return units->ImportUnits(context); }, data.units, "units",
          "units", result);
  if (status.ok()) {
    status =
        LoadRows<organization::v1::ImportMembersRequest, organization::v1::ImportMembersResponse>(
            client, [&](auto* context) { return members->ImportMembers(context); }, data.members,
            "members", "members", result);
  }
  if (status.ok()) {
    status = LoadRows<customer::v1::ImportCustomersRequest, customer::v1::ImportCustomersResponse>(
        client, [&](auto* context) { return customers->ImportCustomers(context); }, data.customers,
        "customers", "customers", result);
  }
  if (status.ok()) {
    status =
        LoadRows<opportunity::v1::ImportProductsRequest, opportunity::v1::ImportProductsResponse>(
            client, [&](auto* context) { return products->ImportProducts(context); }, data.products,
            "products", "products", result);
  }
  if (status.ok()) {
    status =
        LoadRows<opportunity::v1::ImportSourcesRequest, opportunity::v1::ImportSourcesResponse>(
            client, [&](auto* context) { return sources->ImportSources(context); }, data.sources,
            "sources", "sources", result);
  }
  if (status.ok()) status = LoadProcesses(client, data.processes, result);
  if (status.ok()) {
    status = LoadRows<opportunity::v1::ImportOpportunitiesRequest,
                      opportunity::v1::ImportOpportunitiesResponse>(
        client, [&](auto* context) { return opportunities->ImportOpportunities(context); },
        data.opportunities, "opportunities", "opportunities", result, kStreams);
  }
  if (!status.ok()) return status;
  return result;
}

void PrintLoad(const LoadResult& result, const std::vector<RowNote>& repaired, bool all) {
  Table table(
      {{"loaded"}, {"created", true}, {"updated", true}, {"unchanged", true}, {"refused", true}});
  for (const LoadCount& count : result.counts) {
    table.Add({count.what, FormatCount(count.created), FormatCount(count.updated),
               FormatCount(count.unchanged), FormatCount(count.refused)});
  }
  std::fputs(table.ToText().c_str(), stdout);
  const auto notes = [all](const char* title, const std::vector<RowNote>& rows) {
    std::printf("\n%s: %zu rows\n", title, rows.size());
    for (size_t i = 0; i < rows.size() && (all || i < kShownNotes); ++i) {
      std::printf("  %s:%lld  %s\n", rows[i].file.c_str(), static_cast<long long>(rows[i].line),
                  rows[i].text.c_str());
    }
    if (!all && rows.size() > kShownNotes) std::printf("  ... all of them with --all-rows\n");
  };
  if (!repaired.empty()) notes("Repaired", repaired);
  if (!result.refused.empty()) notes("Refused", result.refused);
}

std::string IdFrom(const std::string& text, char prefix) {
  std::string id;
  bool lossy = false;
  for (const char c : text) {
    const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) {
      id += lower;
    } else {
      lossy = lossy || static_cast<unsigned char>(c) >= 0x80;
      if (!id.empty() && id.back() != '-') id += '-';
    }
  }
  while (!id.empty() && id.back() == '-') id.pop_back();
  if (id.empty() || id[0] < 'a' || id[0] > 'z') id = absl::StrCat(std::string(1, prefix), "-", id);
  if (lossy || id.size() > resource::kMaxIdLength || id.size() < 2 || id.back() == '-') {
    uint64_t hash = 14695981039346656037u;  // FNV-1a: the same text gives the same id.
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    id = absl::StrFormat("%s%s%012x", id.substr(0, 40), absl::EndsWith(id, "-") ? "" : "-",
                         hash >> 16);
  }
  return id;
}

}  // namespace milepost::cli
