#include "cli/sheet.h"

#include <zip.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/plan_sheet.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace milepost::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A folder of its own that goes with the test.
class SheetTest : public ::testing::Test {
 protected:
  SheetTest() {
    folder_ =
        std::filesystem::path(::testing::TempDir()) /
        (std::string("sheet-") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~SheetTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }
  std::string Bytes(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), {});
  }

  // All rows; of a cell its text, with a # in front if it is a number in the file.
  static std::vector<std::vector<std::string>> Rows(const std::string& path) {
    std::vector<std::vector<std::string>> rows;
    auto reader = SheetReader::Open(path);
    EXPECT_TRUE(reader.ok()) << reader.status();
    if (!reader.ok()) return rows;
    SheetRow row;
    while (true) {
      const auto more = (*reader)->Next(row);
      EXPECT_TRUE(more.ok()) << more.status();
      if (!more.ok() || !*more) return rows;
      std::vector<std::string> texts = {std::to_string(row.number)};
      for (const SheetCell& cell : row.cells) texts.push_back((cell.number ? "#" : "") + cell.text);
      rows.push_back(std::move(texts));
    }
  }

  std::filesystem::path folder_;
};

const std::vector<SheetColumn> kColumns = {
    {.title = "name"}, {.title = "amount", .decimals = 2}, {.title = "note", .edited = true}};

TEST_F(SheetTest, WhatIsWrittenComesBack) {
  for (const auto& [name, format] :
       {std::pair("a.csv", SheetFormat::kCsv), std::pair("a.xlsx", SheetFormat::kXlsx)}) {
    auto writer = SheetWriter::Create(Path(name), format, kColumns);
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE((*writer)->Add({"华东, \"大区\"", "1234.50", "=1+1"}).ok());
    ASSERT_TRUE((*writer)->Add({"2018-03", "90000000000000.01", "'quoted\nlines"}).ok());
    ASSERT_TRUE((*writer)->Add({"", "", ""}).ok());
    ASSERT_TRUE((*writer)->Add({"-5", "0.00", "<&>"}).ok());
    EXPECT_FALSE(std::filesystem::exists(Path(name)));
    ASSERT_TRUE((*writer)->Finish().ok());
    const auto rows = Rows(Path(name));
    ASSERT_EQ(rows.size(), 4);
    const bool csv = format == SheetFormat::kCsv;
    EXPECT_THAT(rows[0], ElementsAre("1", "name", "amount", "note"));
    EXPECT_THAT(rows[1], ElementsAre("2", "华东, \"大区\"", csv ? "1234.50" : "#1234.5", "=1+1"));
    EXPECT_THAT(rows[2], ElementsAre("3", "2018-03", "90000000000000.01", "'quoted\nlines"));
    EXPECT_THAT(rows[3], ElementsAre(csv ? "6" : "5", "-5", csv ? "0.00" : "#0", "<&>"));
  }
  EXPECT_THAT(Bytes("a.csv"), HasSubstr("\xEF\xBB\xBFname,amount,note\r\n"));
  EXPECT_THAT(Bytes("a.csv"), HasSubstr(",'=1+1\r\n"));
}

TEST_F(SheetTest, AnUnfinishedFileLeavesTheOldOne) {
  Write("a.csv", "old");
  for (const SheetFormat format : {SheetFormat::kCsv, SheetFormat::kXlsx}) {
    auto writer = SheetWriter::Create(Path("a.csv"), format, kColumns);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Add({"x", "1", ""}).ok());
  }
  EXPECT_EQ(Bytes("a.csv"), "old");
  EXPECT_FALSE(std::filesystem::exists(Path("a.csv.part")));
  EXPECT_FALSE(SheetWriter::Create(Path("no/such/a.csv"), SheetFormat::kXlsx, kColumns).ok());
}

TEST_F(SheetTest, CsvIsReadAsSpreadsheetsSaveIt) {
  const auto header = [&](const std::string& path) { return Rows(path).at(1); };
  EXPECT_THAT(header(Write("utf8", "a;b\r\n华东;1,5\r\n")), ElementsAre("2", "华东", "1,5"));
  EXPECT_THAT(header(Write("gbk", "a,b\n\xBB\xAA\xB6\xAB,1\n")), ElementsAre("2", "华东", "1"));
  const std::string utf16(
      "\xFF\xFE"
      "a\0\t\0b\0\n\0\x4E\x53\t\0"
      "1\0",
      16);
  EXPECT_THAT(header(Write("utf16", utf16)), ElementsAre("2", "华", "1"));
  EXPECT_FALSE(SheetReader::Open(Write("short", "a")).ok());
  EXPECT_FALSE(SheetReader::Open(Write("old.xls", "\xD0\xCF\x11\xE0rest")).ok());
  EXPECT_FALSE(SheetReader::Open(Write("bad.xlsx", "PK\x03\x04rest")).ok());
  EXPECT_FALSE(SheetReader::Open(Write("bad.csv", "a,b\n\xFF\xFF\xFF,1\n")).ok());
}

TEST_F(SheetTest, XlsxIsReadAsSpreadsheetsSaveIt) {
  const std::vector<std::pair<std::string, std::string>> parts = {
      {"xl/workbook.xml",
       R"(<x:workbook xmlns:x="m" xmlns:r="q"><x:sheets><x:sheet name="甲" r:id="rId7"/>)"
       R"(<x:sheet name="b" r:id="rId8"/></x:sheets></x:workbook>)"},
      {"xl/_rels/workbook.xml.rels",
       R"(<Relationships><Relationship Id="rId8" Target="worksheets/other.xml"/>)"
       R"(<Relationship Id="rId7" Target="worksheets/sheet9.xml"/></Relationships>)"},
      {"xl/sharedStrings.xml",
       R"(<sst><si><t>node</t></si><si><r><t>华</t></r><r><t xml:space="preserve">东 </t></r>)"
       R"(<rPh sb="0" eb="1"><t>hua</t></rPh></si></sst>)"},
      {"xl/worksheets/sheet9.xml",
       R"(<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is>)"
       R"(<t>x</t></is></c></row><row r="2"/><row r="5"><c t="s"><v>1</v></c><c><v>1.2345E3</v></c>)"
       R"(<c r="AA5"><f>A1*2</f><v>0.30000000000000004</v></c><c t="b"><v>1</v></c>)"
       R"(<c t="str"><v>of a formula</v></c><c t="e"><v>#REF!</v></c></row></sheetData></worksheet>)"}};
  int error = 0;
  zip_t* archive = zip_open(Path("a.xlsx").c_str(), ZIP_CREATE, &error);
  ASSERT_NE(archive, nullptr);
  for (const auto& [name, text] : parts) {
    zip_source_t* source = zip_source_buffer(archive, text.data(), text.size(), 0);
    ASSERT_GE(zip_file_add(archive, name.c_str(), source, 0), 0);
  }
  ASSERT_EQ(zip_close(archive), 0);
  const auto rows = Rows(Path("a.xlsx"));
  ASSERT_EQ(rows.size(), 2);
  EXPECT_THAT(rows[0], ElementsAre("1", "node", "", "x"));
  EXPECT_EQ(rows[1][0], "5");
  EXPECT_EQ(rows[1][1], "华东 ");
  EXPECT_EQ(rows[1][2], "#1234.5");
  EXPECT_EQ(rows[1][27], "#0.3");
  EXPECT_THAT(std::vector<std::string>(rows[1].begin() + 28, rows[1].end()),
              ElementsAre("yes", "of a formula", "#REF!"));
}

TEST(SheetNumberTest, IsReadAsItIsWrittenIfNothingIsLost) {
  const auto read = [](const std::string& text, int decimals) -> std::string {
    const auto number = ParseSheetNumber(text, decimals);
    return number.ok() ? std::to_string(number->units) : std::string(number.status().message());
  };
  EXPECT_EQ(read("1234.5", 2), "123450");
  EXPECT_EQ(read(" 1,234.5000 ", 2), "123450");
  EXPECT_EQ(read("￥1,234,567", 2), "123456700");
  EXPECT_EQ(read("-0.01", 2), "-1");
  EXPECT_EQ(read(".5", 2), "50");
  EXPECT_EQ(read("5.", 2), "500");
  EXPECT_EQ(read("1.2345E+3", 2), "123450");
  EXPECT_EQ(read("12345e-2", 2), "12345");
  EXPECT_EQ(read("12.5 %", 6), "125000");
  EXPECT_EQ(read("0.95", 6), "950000");
  EXPECT_EQ(read("90000000000000.00", 2), "9000000000000000");
  EXPECT_EQ(read("0E+9", 0), "0");
  EXPECT_EQ(read("1.234", 2), "'1.234' has more than 2 decimals");
  EXPECT_EQ(read("1.2345E+1", 2), "'1.2345E+1' has more than 2 decimals");
  EXPECT_EQ(read("1,23", 2), "'1,23' has commas that are not between thousands");
  EXPECT_EQ(read("1,2345", 0), "'1,2345' has commas that are not between thousands");
  EXPECT_EQ(read("1E+25", 0), "'1E+25' is too large");
  for (const char* text : {"", "-", ".", "1.2.3", "12 34", "abc", "#REF!", "1E", "0x10", "1e99"})
    EXPECT_EQ(read(text, 2), "'" + std::string(text) + "' is not a number") << text;
  EXPECT_EQ(ParseSheetNumber("1.5E+3", 0)->shown_digits, 2);
  EXPECT_EQ(ParseSheetNumber("1500", 0)->shown_digits, 0);
  EXPECT_EQ(FormatSheetNumber(-5, 2), "-0.05");
  EXPECT_EQ(FormatSheetNumber(123'456, 2), "1234.56");
  EXPECT_EQ(FormatSheetNumber(7, 0), "7");
  EXPECT_EQ(FormatSheetNumber(950'000, 6), "0.950000");
}

TEST(SheetTextTest, WhatASpreadsheetMakesOfTextIsTheSame) {
  const auto same = [](const char* text, const char* cell) {
    return SaysTheSame(text, {cell, false}, nullptr);
  };
  for (const char* cell : {"2018-03", "Mar-18", "18-Mar", "2018/3/1", "2018年3月", "3/1/2018"})
    EXPECT_TRUE(same("2018-03", cell)) << cell;
  for (const char* cell : {"2018-03-05", "2018/3/5", "5/3/2018", "3/5/2018", "5-Mar-18"})
    EXPECT_TRUE(same("2018-03-05", cell)) << cell;
  EXPECT_TRUE(same("007", "7"));
  EXPECT_TRUE(same("", ""));
  for (const char* cell : {"2018-04", "Apr-18", "", "17", "March"})
    EXPECT_FALSE(same("2018-03", cell)) << cell;
  EXPECT_FALSE(same("华东", "华北"));
  EXPECT_FALSE(same("2018-Q1", "2018-Q2"));
}

class PlanSheetTest : public SheetTest {
 protected:
  static target::v1::Node Node(const std::string& id, const std::string& name, int64_t units) {
    target::v1::Node node;
    node.set_name("plans/p/nodes/" + id);
    if (id != "root") node.set_parent("plans/p/nodes/root");
    node.set_dimension(id == "root" ? target::v1::DIMENSION_UNSPECIFIED : target::v1::REGION);
    node.set_display_name(name);
    node.set_target_units(units);
    for (auto* day : {node.mutable_scope()->mutable_period()->mutable_first_date(),
                      node.mutable_scope()->mutable_period()->mutable_last_date()}) {
      day->set_year(2018);
      day->set_month(12);
      day->set_day(31);
    }
    return node;
  }

  // Exports the nodes, lets `edit` change cells by node and column, and reads it back.
  void RoundTrip(SheetFormat format,
                 const std::map<std::pair<std::string, std::string>, std::string>& edited) {
    const std::vector<SheetColumn> columns = PlanSheetColumns(2);
    auto writer = SheetWriter::Create(Path("plan"), format, columns);
    ASSERT_TRUE(writer.ok());
    for (const target::v1::Node& node : nodes_) {
      std::vector<std::string> cells = PlanSheetRow(node, 5, "CNY", 2);
      for (size_t i = 0; i < columns.size(); ++i) {
        const auto found =
            edited.find({node.name().substr(node.name().rfind('/') + 1), columns[i].title});
        if (found != edited.end()) cells[i] = found->second;
      }
      ASSERT_TRUE((*writer)->Add(cells).ok());
    }
    ASSERT_TRUE((*writer)->Finish().ok());
    auto sheet = SheetReader::Open(Path("plan"));
    ASSERT_TRUE(sheet.ok());
    reader_ = std::make_unique<PlanSheetReader>("plans/p", 2);
    status_ = reader_->Read(**sheet);
    if (!status_.ok()) return;
    for (const target::v1::Node& node : nodes_) reader_->Compare(node);
    reader_->Finish();
  }
  std::vector<std::string> Refused() const {
    std::vector<std::string> texts;
    for (const auto& refusal : reader_->refusals())
      texts.push_back(std::to_string(refusal.row) + " " + refusal.column + ": " +
                      refusal.description);
    return texts;
  }

  std::vector<target::v1::Node> nodes_ = {Node("root", "2018 年", 123'456'789'012),
                                          Node("n1", "2018-03", 50), Node("n2", "+华东", 70)};
  std::unique_ptr<PlanSheetReader> reader_;
  absl::Status status_;
};

TEST_F(PlanSheetTest, NothingEditedIsNothingToBring) {
  nodes_[1].set_min_units(0);
  nodes_[2].set_note("=x\ny");
  nodes_[2].set_locked(true);
  for (const SheetFormat format : {SheetFormat::kCsv, SheetFormat::kXlsx}) {
    RoundTrip(format, {{{"n1", "display_name"}, "Mar-18"}, {{"n1", "first_date"}, "2018/12/31"}});
    ASSERT_TRUE(status_.ok()) << status_;
    EXPECT_THAT(Refused(), IsEmpty());
    EXPECT_THAT(reader_->edits(), IsEmpty());
    EXPECT_EQ(reader_->base_version(), 5);
    EXPECT_EQ(reader_->row_count(), 3);
  }
}

TEST_F(PlanSheetTest, EditsHoldWhatWasChangedAndNothingElse) {
  nodes_[1].set_min_units(10);
  nodes_[1].set_max_units(60);
  RoundTrip(SheetFormat::kXlsx, {{{"n1", "target"}, "0.60"},
                                 {{"n1", "min"}, ""},
                                 {{"n1", "max"}, "0.70"},
                                 {{"n2", "locked"}, "是"},
                                 {{"n2", "note"}, "看"},
                                 {{"n2", "display_name"}, "华北"}});
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_THAT(Refused(), IsEmpty());
  ASSERT_EQ(reader_->edits().size(), 2);
  EXPECT_EQ(reader_->edits()[0].ShortDebugString(),
            "row: 3 node_id: \"n1\" target_units: 60 clear_min: true max_units: 70");
  EXPECT_EQ(reader_->edits()[1].node_id(), "n2");
  EXPECT_TRUE(reader_->edits()[1].locked());
  EXPECT_EQ(reader_->edits()[1].note(), "看");
  EXPECT_FALSE(reader_->edits()[1].has_target_units());
  std::vector<std::string> changes;
  for (const auto& change : reader_->changes())
    changes.push_back(change.field + " " + change.before + ">" + change.after);
  EXPECT_THAT(changes, ElementsAre("target 0.50>0.60", "min 0.10>", "max 0.60>0.70",
                                   "display_name +华东>华北", "note >看", "locked no>yes"));
}

TEST_F(PlanSheetTest, RefusesByRowAndColumn) {
  RoundTrip(SheetFormat::kCsv, {{{"root", "target"}, "1.23457E+09"},
                                {{"n1", "target"}, "0.505"},
                                {{"n1", "min"}, "few"},
                                {{"n1", "dimension"}, "unit"},
                                {{"n2", "target"}, ""},
                                {{"n2", "locked"}, "perhaps"}});
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_THAT(
      Refused(),
      ElementsAre(
          "2 target: '1.23457E+09' is how a spreadsheet shortens 1234567890.12: give the "
          "column a number format, or export again",
          "3 dimension: 'unit' was 'region': what a node is for does not change by an import",
          "3 target: '0.505' has more than 2 decimals", "3 min: 'few' is not a number",
          "4 locked: 'perhaps' is neither yes nor no", "4 target: is empty"));
  EXPECT_THAT(reader_->edits(), IsEmpty());

  RoundTrip(SheetFormat::kCsv,
            {{{"n1", "node"}, "plans/p/nodes/n9"}, {{"n2", "node"}, "plans/q/nodes/n2"}});
  EXPECT_THAT(Refused(), ElementsAre("4 node: 'plans/q/nodes/n2' is no node of plans/p",
                                     "3 node: plans/p/nodes/n9 was not in version 5 of the plan"));
  RoundTrip(SheetFormat::kCsv, {{{"n2", "plan_version"}, "6"}});
  EXPECT_THAT(std::string(status_.message()), HasSubstr("row 4 is of version 6"));
}

TEST_F(PlanSheetTest, ColumnsMayBeTakenOutAndMoved) {
  auto sheet =
      SheetReader::Open(Write("less.csv", "Target,plan_version,NODE\n0.80,5,plans/p/nodes/n1\n"));
  ASSERT_TRUE(sheet.ok());
  PlanSheetReader reader("plans/p", 2);
  ASSERT_TRUE(reader.Read(**sheet).ok());
  for (const target::v1::Node& node : nodes_) reader.Compare(node);
  reader.Finish();
  EXPECT_THAT(reader.refusals(), IsEmpty());
  ASSERT_EQ(reader.edits().size(), 1);
  EXPECT_EQ(reader.edits()[0].target_units(), 80);
  sheet = SheetReader::Open(Write("none.csv", "target\n1\n"));
  EXPECT_THAT(std::string(PlanSheetReader("plans/p", 2).Read(**sheet).message()),
              HasSubstr("lacks the columns node, plan_version"));
}

}  // namespace
}  // namespace milepost::cli
