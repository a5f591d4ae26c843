#include "cli/arguments.h"

#include <fstream>
#include <set>

#include "cli/completion.h"
#include "cli/demo.h"
#include "cli/documentation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "milepost/customer/v1/customer.pb.h"
#include "milepost/opportunity/v1/opportunity.pb.h"
#include "milepost/reporting/v1/report.pb.h"
#include "milepost/target/v1/node.pb.h"
#include "milepost/target/v1/planning.pb.h"

namespace milepost::cli {
namespace {

using ::testing::HasSubstr;

const Verb& Find(const std::string& family, const std::string& name) {
  for (const Verb& verb : Verbs()) {
    if (verb.family == family && verb.verb == name) return verb;
  }
  ADD_FAILURE() << family << " " << name;
  return Verbs()[0];
}

TEST(ArgumentsTest, EveryVerbIsAnRpcWithHelp) {
  std::set<std::string> seen;
  for (const Verb& verb : Verbs()) {
    const auto* method =
        google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(verb.method);
    ASSERT_NE(method, nullptr) << verb.method;
    EXPECT_FALSE(Comment(*method).empty()) << verb.method;
    EXPECT_TRUE(seen.insert(std::string(verb.family) + " " + verb.verb).second) << verb.verb;
    EXPECT_STRNE(FamilySummary(verb.family), "");
    std::set<std::string> names;
    for (const Flag& flag : FlagsOf(*method->input_type())) {
      EXPECT_TRUE(names.insert(flag.name).second) << verb.method << " --" << flag.name;
      EXPECT_FALSE(Comment(*flag.field).empty()) << flag.path;
    }
    for (const char* path : verb.positional) {
      bool found = false;
      for (const Flag& flag : FlagsOf(*method->input_type())) found = found || flag.path == path;
      EXPECT_TRUE(found) << verb.method << " " << path;
    }
  }
}

TEST(ArgumentsTest, WordsBecomeFields) {
  opportunity::v1::WinOpportunityRequest request;
  ASSERT_TRUE(FillRequest(Find("opportunity", "win"),
                          {"o-1", "12万", "--close-date", "2018-03-01", "--preliminary"}, request)
                  .ok());
  EXPECT_EQ(request.name(), "opportunities/o-1");
  EXPECT_EQ(request.amount().minor_units(), 12'000'000);
  EXPECT_EQ(request.amount().currency_code(), "CNY");
  EXPECT_EQ(request.close_date().month(), 3);
  EXPECT_TRUE(request.preliminary());
  EXPECT_EQ(request.request_id().size(), 36u);
}

TEST(ArgumentsTest, AnUpdateChangesWhatWasTyped) {
  customer::v1::UpdateCustomerRequest request;
  ASSERT_TRUE(FillRequest(Find("customer", "update"),
                          {"acme", "--display-name", "华信", "--industry="}, request)
                  .ok());
  EXPECT_EQ(request.customer().name(), "customers/acme");
  EXPECT_THAT(request.update_mask().paths(),
              ::testing::UnorderedElementsAre("display_name", "industry"));
}

TEST(ArgumentsTest, ReportsTakePeriodsAndDimensions) {
  reporting::v1::GetLeaderboardRequest request;
  ASSERT_TRUE(FillRequest(Find("report", "leaderboard"),
                          {"--by", "unit", "--range", "2017Q2", "--unit", "west"}, request)
                  .ok());
  EXPECT_EQ(request.subject(), reporting::v1::UNIT);
  EXPECT_EQ(request.range().last_date().day(), 30);
  EXPECT_EQ(request.filter().unit(), "units/west");
}

TEST(ArgumentsTest, ASplitIsTypedInOneLine) {
  target::v1::SplitNodesRequest request;
  ASSERT_TRUE(FillRequest(Find("target", "split"),
                          {"2018", "--leaves", "--dimension", "period", "--grain", "quarter",
                           "--reference-periods", "2017:60", "--reference-periods", "2016:40"},
                          request)
                  .ok());
  EXPECT_EQ(request.plan(), "plans/2018");
  EXPECT_TRUE(request.split().has_leaves());
  EXPECT_EQ(request.split().grain(), target::v1::QUARTER);
  ASSERT_EQ(request.split().history().reference_periods_size(), 2);
  EXPECT_EQ(request.split().history().reference_periods(1).mix_weight(), 40);
}

TEST(ArgumentsTest, EverythingWrongIsToldAtOnce) {
  opportunity::v1::WinOpportunityRequest request;
  const absl::Status status = FillRequest(
      Find("opportunity", "win"),
      {"o-1", "much", "--close-date", "tomorrow", "--colour", "red", "--etag"}, request);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  for (const char* part : {"'much' is not an amount", "'tomorrow' is not a day",
                           "unknown flag --colour", "--etag needs a value"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(part));
  }
}

TEST(CompletionTest, KnowsFamiliesVerbsAndFlags) {
  const std::string script = BashCompletion();
  for (const char* part :
       {"opportunity) words=", "'customer create') words=", "--display-name", "complete -F"}) {
    EXPECT_THAT(script, HasSubstr(part));
  }
}

TEST(ArgumentsTest, ARequestIsReadFromAFileAndTypedWordsAddToIt) {
  const std::string file = ::testing::TempDir() + "funnel-request.json";
  std::ofstream(file) << R"({"stages": ["线索", "订单"],
                             "channels": [{"id": "展厅", "rates": [{"typed_ppm": 850000}]}]})";
  target::v1::ComputeFunnelRequest request;
  ASSERT_TRUE(
      FillRequest(Find("target", "funnel"), {"--shared-target", "10", "--request", file}, request)
          .ok());
  EXPECT_EQ(request.stages(1), "订单");
  EXPECT_EQ(request.channels(0).rates(0).typed_ppm(), 850'000);
  EXPECT_EQ(request.shared_target(), 10);

  std::ofstream(file) << "{\"stages\": 5}";
  EXPECT_THAT(
      std::string(FillRequest(Find("target", "funnel"), {"--request=" + file}, request).message()),
      HasSubstr("is not a ComputeFunnelRequest in JSON"));
  EXPECT_THAT(std::string(FillRequest(Find("target", "funnel"), {"--request"}, request).message()),
              HasSubstr("--request needs a file"));
}

TEST(DemoTest, TheSameSizeAndDayGiveTheSameCompany) {
  const DemoOptions options{500, absl::CivilDay(2026, 6, 30)};
  const Dataset a = DemoCompany(options);
  const Dataset b = DemoCompany(options);
  ASSERT_EQ(a.opportunities.size(), b.opportunities.size());
  std::set<std::string> names;
  for (size_t i = 0; i < a.opportunities.size(); ++i) {
    EXPECT_EQ(a.opportunities[i].SerializeAsString(), b.opportunities[i].SerializeAsString());
    EXPECT_TRUE(names.insert(a.opportunities[i].name()).second);
  }
}

}  // namespace
}  // namespace milepost::cli
