#include "cli/crm.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "cli/csv.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform/resource/name.h"

namespace milepost::cli {
namespace {

using ::testing::HasSubstr;

TEST(CsvTest, QuotesLineEndsAndTheByteOrderMark) {
  const auto csv = ParseCsv(
      "\xEF\xBB\xBF"
      "a,b\r\n\"x,\"\"y\"\"\nz\",2\r\n\r\n3,\n",
      "f.csv");
  ASSERT_TRUE(csv.ok());
  EXPECT_THAT(csv->header, ::testing::ElementsAre("a", "b"));
  ASSERT_EQ(csv->rows.size(), 2u);
  EXPECT_THAT(csv->rows[0].cells, ::testing::ElementsAre("x,\"y\"\nz", "2"));
  EXPECT_EQ(csv->rows[0].line, 2);
  EXPECT_EQ(csv->rows[1].line, 5);
  EXPECT_FALSE(ParseCsv("a\n\"never", "f.csv").ok());
}

TEST(CsvTest, NamesEveryMissingColumn) {
  const auto csv = ParseCsv("a,b\n", "f.csv");
  const auto columns = FindColumns(*csv, "f.csv", {"a", "c", "d"});
  EXPECT_THAT(std::string(columns.status().message()), HasSubstr("c, d"));
}

class CrmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "milepost-crm-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    Write("sales_teams.csv",
          "sales_agent,manager,regional_office\nAnna Bell,Mo Chan,West\nCai Dong,Mo Chan,West\n");
    Write("accounts.csv",
          "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n"
          "Child Ltd,technolgy,1999,1.5,10,Kenya,Parent Inc\nParent "
          "Inc,medical,1990,100.25,5,China,\n");
    Write("products.csv", "product,series,sales_price\nGTX Pro,GTX,4821\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  void WritePipeline(const std::string& rows) {
    Write("sales_pipeline.csv",
          "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_"
          "value\n" +
              rows);
  }

  std::string folder_;
};

TEST_F(CrmTest, RepairsWhatHasOnePlainMeaning) {
  WritePipeline("A1,Anna Bell,GTXPro,,Won,10/25/2016,3/11/2017,4514\n");
  const auto crm = ReadCrmDirectory(folder_);
  ASSERT_TRUE(crm.ok()) << crm.status();
  ASSERT_EQ(crm->repaired.size(), 2u);
  EXPECT_THAT(crm->repaired[0].text, HasSubstr("'technolgy' read as 'technology'"));
  EXPECT_THAT(crm->repaired[1].text, HasSubstr("'GTXPro' read as 'GTX Pro'"));
  ASSERT_EQ(crm->dataset.opportunities.size(), 1u);
  const auto& won = crm->dataset.opportunities[0];
  EXPECT_EQ(won.name(), "opportunities/o-a1");
  EXPECT_EQ(won.owner(), "members/anna-bell");
  EXPECT_EQ(won.product(), "products/gtx-pro");
  EXPECT_EQ(won.region(), "west");
  EXPECT_EQ(won.amount().minor_units(), 451'400);
  EXPECT_EQ(won.open_date().month(), 10);
  EXPECT_EQ(won.open_date().day(), 25);
  EXPECT_EQ(won.close_date().year(), 2017);
  EXPECT_EQ(crm->last_close_day, absl::CivilDay(2017, 3, 11));
  EXPECT_EQ(crm->dataset.customers[0].customer().name(), "customers/parent-inc");
  EXPECT_EQ(crm->dataset.customers[1].customer().parent(), "customers/parent-inc");
  EXPECT_EQ(crm->dataset.customers[0].customer().annual_revenue().minor_units(), 10'025'000'000);
}

TEST_F(CrmTest, RefusesByLineWithEveryReason) {
  WritePipeline(
      "A1,Anna Bell,GTX Pro,Parent Inc,Won,10/25/2016,3/11/2017,4514\n"
      "A2,Nobody,Unknown,Missing,Sold,31/12/2016,,x\n"
      "A3,Cai Dong,GTX Pro,,Lost,3/11/2017,3/10/2017,0\n"
      "A4,Cai Dong,GTX Pro,,Prospecting,,,\n");
  const auto crm = ReadCrmDirectory(folder_);
  ASSERT_TRUE(crm.ok());
  EXPECT_EQ(crm->dataset.opportunities.size(), 2u);
  ASSERT_EQ(crm->refused.size(), 2u);
  EXPECT_EQ(crm->refused[0].line, 3);
  for (const char* part :
       {"Nobody", "Unknown", "Missing", "Sold", "31/12/2016", "close_value 'x'"}) {
    EXPECT_THAT(crm->refused[0].text, HasSubstr(part));
  }
  EXPECT_EQ(crm->refused[1].line, 4);
  EXPECT_THAT(crm->refused[1].text, HasSubstr("before engage_date"));
}

TEST_F(CrmTest, AMissingFileOrColumnStopsIt) {
  EXPECT_THAT(std::string(ReadCrmDirectory(folder_).status().message()),
              HasSubstr("sales_pipeline.csv"));
  Write("sales_pipeline.csv", "opportunity_id\n");
  EXPECT_THAT(std::string(ReadCrmDirectory(folder_).status().message()), HasSubstr("close_value"));
}

TEST_F(CrmTest, EverythingIsUnderTheCompanysUnit) {
  Write("sales_teams.csv",
        "sales_agent,manager,regional_office\nAnna Bell,Mo Chan,West\nCai Dong,Li Na,CRM\n");
  WritePipeline("A1,Anna Bell,GTX Pro,,Prospecting,,,\n");
  const auto crm = ReadCrmDirectory(folder_);
  ASSERT_TRUE(crm.ok()) << crm.status();
  std::vector<std::string> units;
  for (const auto& row : crm->dataset.units)
    units.push_back(absl::StrCat(row.unit().name(), " < ", row.unit().parent()));
  // An office that is called as the company is the company.
  EXPECT_THAT(units, ::testing::ElementsAre("units/crm < ", "units/west < units/crm",
                                            "units/team-mo-chan < units/west",
                                            "units/team-li-na < units/crm"));
  EXPECT_EQ(crm->last_close_day, std::nullopt);
}

TEST(IdFromTest, IdsAreValidAndDiffer) {
  for (const char* name :
       {"Acme Corporation", "GTX Plus Pro", "上海华信", "上海华讯", "7 Eleven", "x", "---",
        "A very long name of a company that does not fit into sixty-three characters at all"}) {
    EXPECT_TRUE(resource::IsId(IdFrom(name, 'c'))) << name << " " << IdFrom(name, 'c');
    EXPECT_EQ(IdFrom(name, 'c'), IdFrom(name, 'c'));
  }
  EXPECT_EQ(IdFrom("Acme Corporation", 'c'), "acme-corporation");
  EXPECT_NE(IdFrom("上海华信", 'c'), IdFrom("上海华讯", 'c'));
}

}  // namespace
}  // namespace milepost::cli
