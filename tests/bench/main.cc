// milepost-bench: measures the suite beside the limits that gRPC and the database set on this
// machine, in one run.

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cli/client.h"
#include "cli/demo.h"
#include "cli/loader.h"
#include "cli/table.h"
#include "cli/text.h"
#include "customer-svc/store/customer_store.h"
#include "grpcpp/create_channel.h"
#include "milepost/customer/v1/customer.grpc.pb.h"
#include "milepost/opportunity/v1/opportunity.grpc.pb.h"
#include "milepost/reporting/v1/projection.grpc.pb.h"
#include "milepost/reporting/v1/report.grpc.pb.h"
#include "opportunity-svc/store/opportunity_store.h"
#include "platform/resource/name.h"
#include "platform/rpc/status.h"
#include "platform/types/proto.h"
#include "reporting-svc/testing/fill.h"
#include "tests/bench/echo.h"
#include "tests/bench/load.h"
#include "tests/bench/plan.h"
#include "tests/bench/suite.h"

extern char** environ;

namespace milepost::bench {
namespace {

constexpr int kServiceWorkers =
    12;  // Default of --workers: the SQL limit gets as many connections.
constexpr int kReportCallers = 4;
constexpr int kVisibleTries = 40;
constexpr int kListPage = 50;
constexpr int kOwn = 16;  // Opportunities that a caller gets and moves.

struct Options {
  std::string source_dir = ".";
  std::string json;
  int64_t size = 1'000'000;
  int64_t report_size = 0;
  int64_t plan_leaves = 0;
  int callers = 64;
  std::string seconds = "5s";
  absl::Duration time;
};

// One line of the result.
struct Line {
  std::string what;
  Figures figures;
  std::optional<double> grpc_limit;  // Per second.
  std::optional<double> sql_limit;
  std::string aim;
  std::optional<bool> met;
};

class Bench {
 public:
  Bench(const Options& options, Suite& suite, cli::Client& client)
      : options_(options),
        suite_(suite),
        client_(client),
        opportunities_(opportunity::v1::OpportunityService::NewStub(Channel("opportunity"))),
        customers_(customer::v1::CustomerService::NewStub(Channel("customer"))),
        reports_(reporting::v1::ReportService::NewStub(Channel("reporting"))),
        projection_(reporting::v1::ProjectionService::NewStub(Channel("reporting"))) {}

  absl::Status Run();
  void Print() const;
  absl::Status WriteJson() const;

 private:
  std::shared_ptr<grpc::Channel> Channel(const std::string& service) const {
    return client_.ChannelOf("", service);
  }

  void Say(const std::string& what) const {
    std::fprintf(stderr, "%7.1f s  %s\n", absl::ToDoubleSeconds(absl::Now() - start_),
                 what.c_str());
  }
  void Add(Line line) {
    if (line.figures.failures > 0) {
      Say(absl::StrCat(line.what, ": ", line.figures.failures,
                       " calls failed, first: ", line.figures.first_failure));
    }
    lines_.push_back(std::move(line));
  }
  void AddRate(const std::string& what, int64_t operations, absl::Duration took,
               const std::string& aim, double at_least) {
    Line line;
    line.what = what;
    line.figures.operations = operations;
    line.figures.per_second = static_cast<double>(operations) / absl::ToDoubleSeconds(took);
    line.aim = aim;
    if (!aim.empty()) line.met = line.figures.per_second >= at_least;
    Add(std::move(line));
  }
  // Adds a call measured beside its limits; the aim is a share of the composed limit.
  void AddLimited(const std::string& what, const Figures& figures, const Figures& grpc_figures,
                  const Figures& sql_figures, std::optional<int> aim_percent) {
    Line line;
    line.what = what;
    line.figures = figures;
    line.grpc_limit = grpc_figures.per_second;
    line.sql_limit = sql_figures.per_second;
    if (sql_figures.failures > 0)
      Say(absl::StrCat(what, ", SQL alone: first failure: ", sql_figures.first_failure));
    if (aim_percent) {
      const double composed = 1 / (1 / grpc_figures.per_second + 1 / sql_figures.per_second);
      line.aim = absl::StrCat(*aim_percent, " % of composed");
      line.met = figures.per_second >= composed * *aim_percent / 100;
    }
    Add(std::move(line));
  }

  // Calls an RPC from so many callers at once; `call` starts one, `make` fills the request of a
  // caller's n-th call.
  template <typename Request, typename Response>
  Figures Calls(int callers,
                const std::function<void(grpc::ClientContext*, const Request*, Response*,
                                         std::function<void(grpc::Status)>)>& call,
                const std::function<void(int, int64_t, Request&)>& make) {
    struct Slot {
      std::unique_ptr<grpc::ClientContext> context;
      Request request;
      Response response;
      int64_t count = 0;
    };
    std::vector<Slot> slots(static_cast<size_t>(callers));
    return CallLoop(callers, options_.time,
                    [&](int caller, std::function<void(const std::string&)> done) {
                      Slot& slot = slots[static_cast<size_t>(caller)];
                      slot.context = client_.Context(absl::Seconds(30));
                      slot.request.Clear();
                      slot.response.Clear();
                      make(caller, slot.count++, slot.request);
                      call(slot.context.get(), &slot.request, &slot.response,
                           [done = std::move(done)](const grpc::Status& status) {
                             done(status.error_message());
                           });
                    });
  }

  absl::Status LoadCompany();
  absl::Status WaitUntilCurrent(int64_t* positions);
  absl::Status MeasureRebuild();
  absl::Status FillReports();
  void MeasureReports(int year, const std::vector<std::string>& units);
  absl::Status MeasureCalls();
  absl::Status MeasureVisible();
  absl::Status MeasurePlan();
  void MeasureMemory(const char* when, bool aim);

  const Options& options_;
  Suite& suite_;
  cli::Client& client_;
  const absl::Time start_ = absl::Now();
  std::unique_ptr<opportunity::v1::OpportunityService::Stub> opportunities_;
  std::unique_ptr<customer::v1::CustomerService::Stub> customers_;
  std::unique_ptr<reporting::v1::ReportService::Stub> reports_;
  std::unique_ptr<reporting::v1::ProjectionService::Stub> projection_;
  std::vector<Line> lines_;
  cli::Dataset data_;
};

absl::Status Bench::LoadCompany() {
  cli::DemoOptions demo;
  demo.opportunities = options_.size;
  demo.today = absl::ToCivilDay(absl::Now(), absl::LocalTimeZone());
  data_ = cli::DemoCompany(demo);
  cli::Dataset rest = data_;
  rest.opportunities.clear();
  cli::Dataset only;
  only.opportunities = data_.opportunities;
  Say("load organization, customers and products");
  const auto first = cli::Load(client_, rest);
  if (!first.ok()) return first.status();
  Say(absl::StrCat("import ", only.opportunities.size(), " opportunities"));
  const absl::Time begin = absl::Now();
  const auto loaded = cli::Load(client_, only);
  if (!loaded.ok()) return loaded.status();
  const auto& count = loaded->counts.at(0);
  if (count.refused > 0)
    return absl::InternalError(
        absl::StrCat(count.refused, " rows were refused: ", loaded->refused[0].text));
  AddRate("import opportunities, rows", count.created, absl::Now() - begin, "5,000/s", 5'000);
  return absl::OkStatus();
}

// Waits until reporting has applied everything; `positions` is how many events that were in all.
absl::Status Bench::WaitUntilCurrent(int64_t* positions) {
  const absl::Time give_up = absl::Now() + absl::Minutes(15);
  for (;;) {
    reporting::v1::ProjectionStatus status;
    const grpc::Status called =
        projection_->GetProjectionStatus(client_.Context(absl::Seconds(10)).get(), {}, &status);
    bool current = called.ok() && !status.rebuilding() && status.freshness().sources_size() > 0;
    *positions = 0;
    for (const auto& source : status.freshness().sources()) {
      current = current && source.position() >= source.head_position();
      *positions += source.position();
    }
    if (current) return absl::OkStatus();
    if (absl::Now() > give_up)
      return absl::DeadlineExceededError("the read models do not become current");
    absl::SleepFor(absl::Milliseconds(100));
  }
}

absl::Status Bench::MeasureRebuild() {
  int64_t positions = 0;
  Say("wait for the read models");
  const absl::Time behind = absl::Now();
  if (absl::Status status = WaitUntilCurrent(&positions); !status.ok()) return status;
  Say(absl::StrFormat("the read models were current %.1f s after the import",
                      absl::ToDoubleSeconds(absl::Now() - behind)));
  const int64_t before = positions;
  Say("rebuild the read models from nothing");
  reporting::v1::RebuildReadModelsRequest request;
  request.set_request_id(cli::NewUuid());
  reporting::v1::ProjectionStatus answer;
  const absl::Time begin = absl::Now();
  const grpc::Status called =
      projection_->RebuildReadModels(client_.Context(absl::Minutes(20)).get(), request, &answer);
  if (!called.ok()) return rpc::FromGrpcStatus(called);
  do {
    if (absl::Status status = WaitUntilCurrent(&positions); !status.ok()) return status;
  } while (positions < before);
  AddRate("project events (rebuild)", positions, absl::Now() - begin, "10,000/s", 10'000);
  return absl::OkStatus();
}

absl::Status Bench::FillReports() {
  Say(absl::StrCat("fill the read models with ", options_.report_size,
                   " opportunities, past the services"));
  reporting::testing::FillOptions fill;
  fill.opportunities = options_.report_size;
  db::Session session(suite_.database("reporting"));
  const auto filled = reporting::testing::FillReadModels(session, fill);
  if (!filled.ok()) return filled.status();
  AddRate("apply events (without feeds)", filled->events, filled->took, "", 0);
  return absl::OkStatus();
}

// No two calls in a row ask the same: years, quarters and ranges that begin and end inside of
// months; of everybody and of single units; by each dimension.
void Bench::MeasureReports(int year, const std::vector<std::string>& units) {
  const std::vector<DayRange> ranges = {
      {absl::CivilDay(year, 1, 1), absl::CivilDay(year, 12, 31)},
      {absl::CivilDay(year, 1, 1), absl::CivilDay(year, 3, 31)},
      {absl::CivilDay(year, 1, 1), absl::CivilDay(year, 10, 18)},
      {absl::CivilDay(year, 4, 1), absl::CivilDay(year, 6, 30)},
      {absl::CivilDay(year, 2, 10), absl::CivilDay(year, 8, 20)},
      {absl::CivilDay(year - 1, 1, 1), absl::CivilDay(year - 1, 12, 31)},
      {absl::CivilDay(year, 7, 1), absl::CivilDay(year, 9, 30)},
  };
  // 7 ranges, 5 dimensions and 4 turns share no factor: all combinations come.
  const auto number_of = [](int caller, int64_t i) { return static_cast<size_t>(caller * 41 + i); };
  const auto range_of = [&](size_t n) { return ToProto(ranges[n % ranges.size()]); };
  const auto narrow = [&](size_t n, reporting::v1::ReportFilter* filter) {
    if (n % 4 == 3) filter->set_unit(units[n / 4 % units.size()]);
  };
  const auto add = [&](const std::string& what, const Figures& figures) {
    Line line;
    line.what = what;
    line.figures = figures;
    line.aim = "p99 < 10 ms";
    line.met = figures.p99_millis < 10 && figures.failures == 0 && figures.operations > 0;
    Say(what);
    Add(std::move(line));
  };
  namespace v1 = reporting::v1;
  const v1::Dimension dimensions[] = {v1::MEMBER, v1::UNIT, v1::PRODUCT, v1::SOURCE, v1::REGION};
  const auto dimension_of = [&](size_t n) { return dimensions[n % 5]; };
  add("report funnel", Calls<v1::GetFunnelRequest, v1::FunnelReport>(
                           kReportCallers,
                           [&](auto* context, auto* request, auto* response, auto done) {
                             reports_->async()->GetFunnel(context, request, response,
                                                          std::move(done));
                           },
                           [&](int caller, int64_t i, v1::GetFunnelRequest& request) {
                             const size_t n = number_of(caller, i);
                             *request.mutable_opened() = range_of(n);
                             if (n % 2 == 0) request.set_group_by(dimension_of(n));
                             narrow(n, request.mutable_filter());
                           }));
  add("report leaderboard", Calls<v1::GetLeaderboardRequest, v1::Leaderboard>(
                                kReportCallers,
                                [&](auto* context, auto* request, auto* response, auto done) {
                                  reports_->async()->GetLeaderboard(context, request, response,
                                                                    std::move(done));
                                },
                                [&](int caller, int64_t i, v1::GetLeaderboardRequest& request) {
                                  const size_t n = number_of(caller, i);
                                  request.set_subject(n % 2 == 0 ? v1::MEMBER : v1::UNIT);
                                  request.set_metric("metrics/revenue");
                                  *request.mutable_range() = range_of(n);
                                  narrow(n, request.mutable_filter());
                                }));
  add("report win-loss", Calls<v1::GetWinLossRequest, v1::WinLossReport>(
                             kReportCallers,
                             [&](auto* context, auto* request, auto* response, auto done) {
                               reports_->async()->GetWinLoss(context, request, response,
                                                             std::move(done));
                             },
                             [&](int caller, int64_t i, v1::GetWinLossRequest& request) {
                               const size_t n = number_of(caller, i);
                               request.set_group_by(dimension_of(n));
                               *request.mutable_closed() = range_of(n);
                               narrow(n, request.mutable_filter());
                             }));
  add("report sales cycle", Calls<v1::GetSalesCycleRequest, v1::SalesCycleReport>(
                                kReportCallers,
                                [&](auto* context, auto* request, auto* response, auto done) {
                                  reports_->async()->GetSalesCycle(context, request, response,
                                                                   std::move(done));
                                },
                                [&](int caller, int64_t i, v1::GetSalesCycleRequest& request) {
                                  const size_t n = number_of(caller, i);
                                  request.set_group_by(dimension_of(n));
                                  *request.mutable_closed() = range_of(n);
                                  narrow(n, request.mutable_filter());
                                }));
  add("report revenue by month", Calls<v1::GetRevenueRequest, v1::RevenueReport>(
                                     kReportCallers,
                                     [&](auto* context, auto* request, auto* response, auto done) {
                                       reports_->async()->GetRevenue(context, request, response,
                                                                     std::move(done));
                                     },
                                     [&](int caller, int64_t i, v1::GetRevenueRequest& request) {
                                       const size_t n = number_of(caller, i);
                                       request.set_group_by(dimension_of(n));
                                       request.set_granularity(v1::MONTH);
                                       *request.mutable_range() = range_of(n);
                                       narrow(n, request.mutable_filter());
                                     }));
  add("report KPI board", Calls<v1::GetKpiBoardRequest, v1::KpiBoard>(
                              kReportCallers,
                              [&](auto* context, auto* request, auto* response, auto done) {
                                reports_->async()->GetKpiBoard(context, request, response,
                                                               std::move(done));
                              },
                              [&](int caller, int64_t i, v1::GetKpiBoardRequest& request) {
                                const size_t n = number_of(caller, i);
                                *request.mutable_range() = range_of(n);
                                narrow(n, request.mutable_filter());
                              }));
}

absl::Status Bench::MeasureCalls() {
  namespace v1 = opportunity::v1;
  const int callers = options_.callers;
  // kOwn opportunities a caller, without a customer, so that customer-svc takes no part.
  const auto fill = [&](int64_t number, v1::CreateOpportunityRequest& request) {
    request.set_request_id(cli::NewUuid());
    auto& opportunity = *request.mutable_opportunity();
    opportunity.set_title("数控车床 询价");
    opportunity.set_owner(
        data_.members[static_cast<size_t>(number) % data_.members.size()].member().name());
    opportunity.set_product(data_.products[0].product().name());
    opportunity.set_source(data_.sources[0].source().name());
    opportunity.set_region("east");
    opportunity.mutable_amount()->set_currency_code("CNY");
    opportunity.mutable_amount()->set_minor_units(18'000'000 + number);
  };
  std::vector<v1::Opportunity> own;
  // The threads of the SQL limit take the same ones.
  for (int i = 0; i < std::max(callers, kServiceWorkers) * kOwn; ++i) {
    v1::CreateOpportunityRequest request;
    fill(i, request);
    v1::Opportunity made;
    const grpc::Status status =
        opportunities_->CreateOpportunity(client_.Context(absl::Seconds(30)).get(), request, &made);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    own.push_back(made);
  }

  // The echo server, in a process of its own.
  const std::string answer_file = suite_.folder() + "/answer.binpb";
  std::ofstream(answer_file, std::ios::binary) << own[0].SerializeAsString();
  const std::string address = absl::StrCat("127.0.0.1:", FreePort());
  const std::string pki = suite_.folder() + "/pki/opportunity-svc";
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::vector<std::string> words = {
      self, "echo", address, pki + ".crt", pki + ".key", suite_.profile().ca_file, answer_file};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t echo_process = -1;
  if (posix_spawn(&echo_process, self.c_str(), nullptr, nullptr, argv.data(), environ) != 0) {
    return absl::InternalError("the echo server cannot be started");
  }
  cli::Profile echo_profile = suite_.profile();
  echo_profile.addresses["opportunity"] =
      absl::StrCat("localhost:", address.substr(address.find(':') + 1));
  const auto echo_client = cli::Client::Connect(echo_profile, "");
  if (!echo_client.ok()) return echo_client.status();
  const auto echo = v1::OpportunityService::NewStub((*echo_client)->ChannelOf("", "opportunity"));
  for (int i = 0; i < 100; ++i) {
    v1::GetOpportunityRequest request;
    v1::Opportunity response;
    if (echo->GetOpportunity(client_.Context(absl::Seconds(1)).get(), request, &response).ok())
      break;
    absl::SleepFor(absl::Milliseconds(50));
  }

  const auto get = [&](v1::OpportunityService::Stub& stub) {
    return Calls<v1::GetOpportunityRequest, v1::Opportunity>(
        callers,
        [&](auto* context, auto* request, auto* response, auto done) {
          stub.async()->GetOpportunity(context, request, response, std::move(done));
        },
        [&](int caller, int64_t, v1::GetOpportunityRequest& request) {
          request.set_name(own[static_cast<size_t>(caller)].name());
        });
  };
  std::atomic<int64_t> number{1'000};
  const auto create = [&](v1::OpportunityService::Stub& stub) {
    return Calls<v1::CreateOpportunityRequest, v1::Opportunity>(
        callers,
        [&](auto* context, auto* request, auto* response, auto done) {
          stub.async()->CreateOpportunity(context, request, response, std::move(done));
        },
        [&](int, int64_t, v1::CreateOpportunityRequest& request) { fill(number++, request); });
  };
  const auto move = [&](v1::OpportunityService::Stub& stub) {
    return Calls<v1::MoveStageRequest, v1::Opportunity>(
        callers,
        [&](auto* context, auto* request, auto* response, auto done) {
          stub.async()->MoveStage(context, request, response, std::move(done));
        },
        [&](int caller, int64_t count, v1::MoveStageRequest& request) {
          request.set_request_id(cli::NewUuid());
          // There and back, then the next one, so that no history becomes longer than real ones.
          const int64_t next = caller + callers * (count / 2 % kOwn);
          request.set_name(own[static_cast<size_t>(next)].name());
          request.set_stage(count % 2 == 0 ? "engaging" : "prospecting");
          if (count % 2 == 1) request.set_reason("back to the first stage");
        });
  };
  const auto list = [&](v1::OpportunityService::Stub& stub) {
    return Calls<v1::ListOpportunitiesRequest, v1::ListOpportunitiesResponse>(
        callers,
        [&](auto* context, auto* request, auto* response, auto done) {
          stub.async()->ListOpportunities(context, request, response, std::move(done));
        },
        [&](int caller, int64_t, v1::ListOpportunitiesRequest& request) {
          request.set_page_size(kListPage);
          request.add_owners(
              data_.members[static_cast<size_t>(caller) % data_.members.size()].member().name());
        });
  };

  // The same statements through the same connector, without gRPC; on the service's own tables.
  std::vector<std::unique_ptr<db::Session>> sessions;
  std::vector<std::unique_ptr<db::Session>> customer_sessions;
  for (int i = 0; i < kServiceWorkers; ++i) {
    sessions.push_back(std::make_unique<db::Session>(suite_.database("opportunity")));
    customer_sessions.push_back(std::make_unique<db::Session>(suite_.database("customer")));
  }
  const opportunity::OpportunityStore store;
  const auto id_of = [&](size_t index) {
    return resource::IdOf("opportunities", own[index].name()).value_or("");
  };
  const auto text = [](const absl::Status& status) {
    return status.ok() ? std::string() : status.ToString();
  };

  // The read models follow what was just written; the next measurement begins when they have.
  const auto settled = [&] {
    int64_t positions = 0;
    return WaitUntilCurrent(&positions);
  };

  Say("get");
  if (absl::Status status = settled(); !status.ok()) return status;
  const Figures get_echo = get(*echo);
  const Figures get_sql = ThreadLoop(kServiceWorkers, options_.time, [&](int thread) {
    db::Session& session = *sessions[static_cast<size_t>(thread)];
    return text(session
                    .Read([&](db::Snapshot& snapshot) {
                      return store.Load(snapshot, id_of(static_cast<size_t>(thread)));
                    })
                    .status());
  });
  AddLimited("get opportunity", get(*opportunities_), get_echo, get_sql, 75);

  Say("create");
  const Figures create_echo = create(*echo);
  const auto sample =
      sessions[0]->Read([&](db::Snapshot& snapshot) { return store.Load(snapshot, id_of(0)); });
  if (!sample.ok()) return sample.status();
  const Figures create_sql = ThreadLoop(kServiceWorkers, options_.time, [&](int thread) {
    opportunity::Opportunity fresh = *sample;
    fresh.id = resource::NewId('b', absl::Now());
    fresh.version = 1;
    change::Context why;
    why.actor = "bench";
    why.request_scope = "bench";
    why.request_id = cli::NewUuid();
    why.request_hash = std::string(32, 'x');
    return text(sessions[static_cast<size_t>(thread)]->Transact([&](db::Transaction& tx) {
      return store.Insert(tx, why, "opportunity.created", {fresh});
    }));
  });
  if (absl::Status status = settled(); !status.ok()) return status;
  AddLimited("create opportunity", create(*opportunities_), create_echo, create_sql, 75);

  Say("move stage");
  if (absl::Status status = settled(); !status.ok()) return status;
  const Figures move_echo = move(*echo);
  const Figures move_sql = ThreadLoop(kServiceWorkers, options_.time, [&](int thread) {
    change::Context why;
    why.actor = "bench";
    return text(sessions[static_cast<size_t>(thread)]->Transact([&](db::Transaction& tx)
                                                                    -> absl::Status {
      auto current = store.LoadForUpdate(tx, id_of(static_cast<size_t>(thread)));
      if (!current.ok()) return current.status();
      const absl::Time before = current->update_time;
      current->update_time = absl::FromUnixMicros(absl::ToUnixMicros(absl::Now()));
      return store.Save(tx, why, "opportunity.stage_moved", *std::move(current), before).status();
    }));
  });
  if (absl::Status status = settled(); !status.ok()) return status;
  AddLimited("move stage", move(*opportunities_), move_echo, move_sql, std::nullopt);

  Say("list");
  if (absl::Status status = settled(); !status.ok()) return status;
  const Figures list_echo = list(*echo);
  const Figures list_sql = ThreadLoop(kServiceWorkers, options_.time, [&](int thread) {
    opportunity::OpportunityFilter filter;
    filter.owners = {
        resource::IdOf("members", data_.members[static_cast<size_t>(thread)].member().name())
            .value_or("")};
    return text(sessions[static_cast<size_t>(thread)]
                    ->Read([&](db::Snapshot& snapshot) {
                      return store.List(snapshot, filter, std::nullopt, kListPage + 1);
                    })
                    .status());
  });
  AddLimited("list 50 opportunities", list(*opportunities_), list_echo, list_sql, std::nullopt);

  Say("search");
  const customer::CustomerStore customer_store;
  const std::vector<std::string> queries = {"华信", "机械有限", "深圳", "瑞丰", "能源"};
  const Figures search_sql = ThreadLoop(kServiceWorkers, options_.time, [&](int thread) {
    customer::SearchCustomersQuery query;
    query.query = queries[static_cast<size_t>(thread) % queries.size()];
    query.limit = 51;
    return text(
        customer_sessions[static_cast<size_t>(thread)]
            ->Read([&](db::Snapshot& snapshot) { return customer_store.Search(snapshot, query); })
            .status());
  });
  const Figures search =
      Calls<customer::v1::SearchCustomersRequest, customer::v1::SearchCustomersResponse>(
          callers,
          [&](auto* context, auto* request, auto* response, auto done) {
            customers_->async()->SearchCustomers(context, request, response, std::move(done));
          },
          [&](int caller, int64_t count, customer::v1::SearchCustomersRequest& request) {
            request.set_query(queries[static_cast<size_t>(caller + count) % queries.size()]);
          });
  AddLimited("search customers by name", search, list_echo, search_sql, std::nullopt);

  kill(echo_process, SIGTERM);
  waitpid(echo_process, nullptr, 0);
  return absl::OkStatus();
}

absl::Status Bench::MeasureVisible() {
  Say("from commit to report");
  int64_t ignored = 0;
  if (absl::Status status = WaitUntilCurrent(&ignored); !status.ok()) return status;
  namespace v1 = opportunity::v1;
  Line line;
  line.what = "from commit to report";
  std::vector<double> latencies;
  const auto won = [&]() -> int64_t {
    reporting::v1::GetWinLossRequest request;
    reporting::v1::WinLossReport report;
    const grpc::Status status =
        reports_->GetWinLoss(client_.Context(absl::Seconds(10)).get(), request, &report);
    return status.ok() ? report.total().won() : -1;
  };
  for (int i = 0; i < kVisibleTries; ++i) {
    v1::CreateOpportunityRequest create;
    create.set_request_id(cli::NewUuid());
    create.mutable_opportunity()->set_title("即时可见");
    create.mutable_opportunity()->set_owner(data_.members[1].member().name());
    create.mutable_opportunity()->set_product(data_.products[0].product().name());
    v1::Opportunity made;
    grpc::Status status =
        opportunities_->CreateOpportunity(client_.Context(absl::Seconds(10)).get(), create, &made);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    const int64_t before = won();
    v1::WinOpportunityRequest win;
    win.set_request_id(cli::NewUuid());
    win.set_name(made.name());
    win.mutable_amount()->set_currency_code("CNY");
    win.mutable_amount()->set_minor_units(100'00);
    status = opportunities_->WinOpportunity(client_.Context(absl::Seconds(10)).get(), win, &made);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    const absl::Time committed = absl::Now();
    while (won() <= before) {
      if (absl::Now() - committed > absl::Seconds(20))
        return absl::DeadlineExceededError("a win never reaches the report");
    }
    latencies.push_back(absl::ToDoubleMilliseconds(absl::Now() - committed));
  }
  std::sort(latencies.begin(), latencies.end());
  line.figures.operations = static_cast<int64_t>(latencies.size());
  line.figures.p50_millis = latencies[latencies.size() / 2];
  line.figures.p99_millis = latencies.back();
  line.aim = "< 1,000 ms";
  line.met = latencies.back() < 1'000;
  Add(std::move(line));
  return absl::OkStatus();
}

void Bench::MeasureMemory(const char* when, bool aim) {
  for (const char* service : {"customer", "opportunity", "target", "reporting"}) {
    Line line;
    line.what = absl::StrCat(service, "-svc memory ", when, ", MiB");
    line.figures.operations = suite_.ResidentKib(service) / 1024;
    if (aim) {
      line.aim = "< 64 MiB";
      line.met = line.figures.operations < 64;
    }
    Add(std::move(line));
  }
}

absl::Status Bench::MeasurePlan() {
  const auto steps =
      MeasureLargePlan(client_, options_.plan_leaves, [this](const std::string& w) { Say(w); });
  if (!steps.ok()) return steps.status();
  for (const PlanStep& step : *steps) {
    AddRate(absl::StrCat("plan: ", step.what, ", ",
                         absl::FormatDuration(absl::Trunc(step.took, absl::Milliseconds(100)))),
            step.nodes, step.took, "", 0);
  }
  MeasureMemory("after the plan", /*aim=*/false);
  return absl::OkStatus();
}

absl::Status Bench::Run() {
  MeasureMemory("idle", /*aim=*/true);
  if (options_.plan_leaves > 0) return MeasurePlan();
  if (absl::Status status = LoadCompany(); !status.ok()) return status;
  if (absl::Status status = MeasureRebuild(); !status.ok()) return status;
  if (options_.report_size > 0) {
    if (absl::Status status = FillReports(); !status.ok()) return status;
    MeasureReports(2017, {"units/office-0", "units/team-3", "units/team-11"});
  } else {
    std::vector<std::string> units;
    for (const auto& row : data_.units) units.push_back(row.unit().name());
    MeasureReports(data_.opportunities.back().create_date().year(), units);
  }
  if (absl::Status status = MeasureCalls(); !status.ok()) return status;
  if (absl::Status status = MeasureVisible(); !status.ok()) return status;
  MeasureMemory("after the load", /*aim=*/false);
  return absl::OkStatus();
}

void Bench::Print() const {
  cli::Table table({{"what"},
                    {"count", true},
                    {"per second", true},
                    {"p50 ms", true},
                    {"p99 ms", true},
                    {"gRPC alone", true},
                    {"SQL alone", true},
                    {"composed", true},
                    {"of it", true},
                    {"aim"},
                    {"met"}});
  for (const Line& line : lines_) {
    const auto rate = [](double value) {
      return value == 0 ? std::string() : cli::FormatCount(static_cast<int64_t>(value));
    };
    const auto millis = [](double value) {
      return value == 0 ? std::string() : absl::StrFormat("%.2f", value);
    };
    std::string composed;
    std::string share;
    if (line.grpc_limit && line.sql_limit) {
      const double limit = 1 / (1 / *line.grpc_limit + 1 / *line.sql_limit);
      composed = rate(limit);
      share = absl::StrFormat("%.0f %%", line.figures.per_second / limit * 100);
    }
    table.Add({line.what, cli::FormatCount(line.figures.operations), rate(line.figures.per_second),
               millis(line.figures.p50_millis), millis(line.figures.p99_millis),
               line.grpc_limit ? rate(*line.grpc_limit) : "",
               line.sql_limit ? rate(*line.sql_limit) : "", composed, share, line.aim,
               !line.met   ? ""
               : *line.met ? "yes"
                           : "no"});
  }
  const std::string filled =
      options_.report_size == 0
          ? ""
          : absl::StrCat(", reports over ", cli::FormatCount(options_.report_size), " more");
  std::printf("%d callers, %s opportunities%s, %u cores\n\n%s", options_.callers,
              cli::FormatCount(options_.size).c_str(), filled.c_str(),
              std::thread::hardware_concurrency(), table.ToText().c_str());
}

absl::Status Bench::WriteJson() const {
  nlohmann::json out;
  out["callers"] = options_.callers;
  out["opportunities"] = options_.size;
  if (options_.report_size > 0) out["report_opportunities"] = options_.report_size;
  for (const Line& line : lines_) {
    nlohmann::json entry = {{"what", line.what},
                            {"count", line.figures.operations},
                            {"failures", line.figures.failures},
                            {"per_second", line.figures.per_second},
                            {"p50_millis", line.figures.p50_millis},
                            {"p99_millis", line.figures.p99_millis}};
    if (line.grpc_limit && line.sql_limit) {
      entry["grpc_per_second"] = *line.grpc_limit;
      entry["sql_per_second"] = *line.sql_limit;
      entry["composed_per_second"] = 1 / (1 / *line.grpc_limit + 1 / *line.sql_limit);
    }
    if (line.met) {
      entry["aim"] = line.aim;
      entry["met"] = *line.met;
    }
    out["measurements"].push_back(entry);
  }
  std::ofstream file(options_.json);
  file << out.dump(2) << "\n";
  if (!file) return absl::UnavailableError(absl::StrCat(options_.json, " cannot be written"));
  return absl::OkStatus();
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "milepost-bench: %s\n", std::string(status.message()).c_str());
  return 1;
}

// The test server runs with little memory and lazy flushing; production does not.
absl::Status SetUpServer() {
  db::Session server(testing::TestServer());
  for (const char* statement :
       {"SET GLOBAL innodb_flush_log_at_trx_commit = 1",
        "SET GLOBAL innodb_buffer_pool_size = 2147483648", "SET GLOBAL max_connections = 400"}) {
    if (absl::Status status = server.RunText(statement); !status.ok()) return status;
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // As in the services.
  if (argc == 7 && std::string(argv[1]) == "echo")
    return RunEcho(argv[2], {argv[3], argv[4], argv[5]}, argv[6]);
  Options options;
  CLI::App app(
      "milepost-bench: measures the suite beside the limits of gRPC and of the database, in one "
      "run.\n"
      "Starts its own services on loopback, with fresh databases on the test server, and ends "
      "them.");
  app.add_option("--size", options.size, "opportunities to load (1 to 5000000)")
      ->capture_default_str()
      ->check(CLI::Range(1, 5'000'000));
  app.add_option("--fill-reports", options.report_size,
                 "measure the reports over so many opportunities that are written into the read "
                 "models directly, not imported (0: over the loaded ones)")
      ->capture_default_str()
      ->check(CLI::Range(0, 5'000'000));
  app.add_option("--plan-leaves", options.plan_leaves,
                 "measure only a plan of so many targets at its leaves (0: everything else)")
      ->capture_default_str()
      ->check(CLI::Range(0, 1'100'000));
  app.add_option("--callers", options.callers, "calls in flight (1 to 1024)")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  app.add_option("--seconds", options.seconds, "time of each measurement, for example 5s")
      ->capture_default_str();
  app.add_option("--json", options.json, "also write the figures to this file");
  app.add_option("--source-dir", options.source_dir, "the checkout")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (!absl::ParseDuration(options.seconds, &options.time) || options.time < absl::Seconds(1)) {
    std::fprintf(stderr, "milepost-bench: --seconds: '%s' is not a duration of at least 1s\n",
                 options.seconds.c_str());
    return 2;
  }
  if (absl::Status status = SetUpServer(); !status.ok()) return Fail(status);
  const auto suite = Suite::Start(options.source_dir);
  if (!suite.ok()) return Fail(suite.status());
  const auto client = cli::Client::Connect((*suite)->profile(), "");
  if (!client.ok()) return Fail(client.status());
  Bench bench(options, **suite, **client);
  const absl::Status status = bench.Run();
  bench.Print();
  if (!status.ok()) return Fail(status);
  if (!options.json.empty()) {
    if (absl::Status written = bench.WriteJson(); !written.ok()) return Fail(written);
  }
  std::printf("\nDone. docs/performance.md holds a table like this and what to make of it.\n");
  return 0;
}

}  // namespace
}  // namespace milepost::bench

int main(int argc, char** argv) { return milepost::bench::Main(argc, argv); }
