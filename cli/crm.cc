#include "cli/crm.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/csv.h"
#include "cli/text.h"
#include "google/protobuf/stubs/common.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"

namespace milepost::cli {
namespace {

constexpr char kProcess[] = "processes/crm";
constexpr char kCurrency[] = "CNY";
// The organization must be in force on the day of the oldest fact.
const absl::CivilDay kBegin(2010, 1, 1);

// "10/20/2016": month/day/year.
std::optional<absl::CivilDay> ParseUsDate(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  int month = 0;
  int day = 0;
  int year = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &month) ||
      !absl::SimpleAtoi(parts[1], &day) || !absl::SimpleAtoi(parts[2], &year)) {
    return std::nullopt;
  }
  const absl::CivilDay parsed(year, month, day);
  if (parsed.year() != year || parsed.month() != month || parsed.day() != day) return std::nullopt;
  return parsed;
}

// What a name is compared by when its spelling differs: letters and digits only.
std::string Folded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)))
      out += absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return out;
}

// Edit distance of at most 1 (one letter missing, added or wrong), or two neighbours swapped.
bool Near(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const size_t shorter = std::min(a.size(), b.size());
  if (std::max(a.size(), b.size()) - shorter > 1) return false;
  size_t head = 0;
  while (head < shorter && a[head] == b[head]) ++head;
  size_t tail = 0;
  while (tail < shorter - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const size_t left_a = a.size() - head - tail;
  const size_t left_b = b.size() - head - tail;
  if (left_a <= 1 && left_b <= 1) return true;
  return left_a == 2 && left_b == 2 && a[head] == b[head + 1] && a[head + 1] == b[head];
}

const std::vector<std::string>& Sectors() {
  static const std::vector<std::string> sectors = {
      "employment", "entertainment", "finance",  "marketing",  "medical",
      "retail",     "services",      "software", "technology", "telecommunications"};
  return sectors;
}

// Reads one file row by row.
class File {
 public:
  static absl::StatusOr<File> Open(const std::string& directory, const std::string& name,
                                   const std::vector<std::string>& columns) {
    const std::string path = absl::StrCat(directory, "/", name);
    absl::StatusOr<Csv> csv = ReadCsv(path);
    if (!csv.ok()) return csv.status();
    auto found = FindColumns(*csv, path, columns);
    if (!found.ok()) return found.status();
    return File(name, *std::move(csv), *std::move(found));
  }

  // Takes out the rows that are not UTF-8, which no service could read, and notes them.
  void Refuse(std::vector<RowNote>& refused) {
    const auto unreadable = [](const Csv::Row& row) {
      return std::any_of(row.cells.begin(), row.cells.end(), [](const std::string& cell) {
        return !google::protobuf::internal::IsStructurallyValidUTF8(cell.data(),
                                                                    static_cast<int>(cell.size()));
      });
    };
    for (const Csv::Row& row : csv_.rows) {
      if (unreadable(row))
        refused.push_back(
            {name_, row.line, "is not UTF-8; was the file saved in another encoding?"});
    }
    csv_.rows.erase(std::remove_if(csv_.rows.begin(), csv_.rows.end(), unreadable),
                    csv_.rows.end());
  }

  const std::string& name() const { return name_; }
  const std::vector<Csv::Row>& rows() const { return csv_.rows; }
  std::string Get(const Csv::Row& row, const char* column) const {
    const size_t index = columns_.at(column);
    return index < row.cells.size() ? std::string(absl::StripAsciiWhitespace(row.cells[index]))
                                    : std::string();
  }

 private:
  File(std::string name, Csv csv, std::map<std::string, size_t> columns)
      : name_(std::move(name)), csv_(std::move(csv)), columns_(std::move(columns)) {}
  std::string name_;
  Csv csv_;
  std::map<std::string, size_t> columns_;
};

// An amount in whole or decimal units of the currency, as minor units.
std::optional<int64_t> Amount(const std::string& text) { return ParseMoney(text); }

class Reader {
 public:
  explicit Reader(CrmDirectory& out) : out_(out) {}

  absl::Status Teams(const std::string& directory) {
    auto file =
        File::Open(directory, "sales_teams.csv", {"sales_agent", "manager", "regional_office"});
    if (!file.ok()) return file.status();
    file->Refuse(out_.refused);
    AddUnit(0, kCrmCompany, "CRM company", "", organization::v1::COMPANY, "");
    units_.insert(kCrmCompany);
    std::map<std::string, organization::v1::ImportMemberRow> managers;
    for (const Csv::Row& row : file->rows()) {
      const std::string agent = file->Get(row, "sales_agent");
      const std::string manager = file->Get(row, "manager");
      const std::string office = file->Get(row, "regional_office");
      if (agent.empty() || manager.empty() || office.empty()) {
        out_.refused.push_back(
            {file->name(), row.line, "sales_agent, manager and regional_office must not be empty"});
        continue;
      }
      const std::string region = IdFrom(office, 'r');
      const std::string office_unit = resource::Name("units", region);
      const std::string team = resource::Name("units", IdFrom(absl::StrCat("team-", manager), 't'));
      if (units_.insert(office_unit).second) {
        AddUnit(row.line, office_unit, office, kCrmCompany, organization::v1::REGION, region);
      }
      if (units_.insert(team).second) {
        AddUnit(row.line, team, absl::StrCat("Team ", manager), office_unit, organization::v1::TEAM,
                region);
        auto& lead = managers[manager];
        lead.set_line(static_cast<int64_t>(file->rows().size() + managers.size()) + 1);
        FillMember(*lead.mutable_member(), manager, office_unit, "Sales manager");
        auto* managed = lead.mutable_member()->add_manages();
        managed->set_unit(team);
        *managed->mutable_first_date() = ToProto(kBegin);
      }
      organization::v1::ImportMemberRow member;
      member.set_line(row.line);
      FillMember(*member.mutable_member(), agent, team, "Sales agent");
      agents_[agent] = {member.member().name(), region};
      out_.dataset.members.push_back(std::move(member));
    }
    for (auto& [name, manager] : managers) out_.dataset.members.push_back(std::move(manager));
    return absl::OkStatus();
  }

  absl::Status Accounts(const std::string& directory) {
    auto file = File::Open(directory, "accounts.csv",
                           {"account", "sector", "year_established", "revenue", "employees",
                            "office_location", "subsidiary_of"});
    if (!file.ok()) return file.status();
    file->Refuse(out_.refused);
    std::vector<std::pair<size_t, std::string>> parents;
    for (const Csv::Row& row : file->rows()) {
      const std::string name = file->Get(row, "account");
      if (name.empty()) {
        out_.refused.push_back({file->name(), row.line, "account must not be empty"});
        continue;
      }
      customer::v1::ImportCustomersRow customer_row;
      customer_row.set_line(row.line);
      auto& customer = *customer_row.mutable_customer();
      customer.set_name(resource::Name("customers", IdFrom(name, 'c')));
      customer.set_kind(customer::v1::COMPANY);
      customer.set_display_name(name);
      customer.set_industry(Sector(*file, row));
      customer.set_channel(customer::v1::DIRECT);
      const std::string country = file->Get(row, "office_location");
      if (!country.empty()) {
        auto* address = customer.add_addresses();
        address->set_kind(customer::v1::OFFICE);
        address->set_country(country);
      }
      int year = 0;
      if (absl::SimpleAtoi(file->Get(row, "year_established"), &year))
        customer.set_founded_year(year);
      int64_t employees = 0;
      if (absl::SimpleAtoi(file->Get(row, "employees"), &employees))
        customer.set_employee_count(employees);
      if (const auto millions = Amount(file->Get(row, "revenue"))) {
        customer.mutable_annual_revenue()->set_currency_code(kCurrency);
        customer.mutable_annual_revenue()->set_minor_units(*millions * 1'000'000);
      }
      accounts_[name] = customer.name();
      if (const std::string parent = file->Get(row, "subsidiary_of"); !parent.empty()) {
        parents.emplace_back(out_.dataset.customers.size(), parent);
      }
      out_.dataset.customers.push_back(std::move(customer_row));
    }
    for (const auto& [index, parent] : parents) {
      auto& row = out_.dataset.customers[index];
      if (const auto found = accounts_.find(parent); found != accounts_.end()) {
        row.mutable_customer()->set_parent(found->second);
      } else {
        out_.repaired.push_back(
            {file->name(), row.line(),
             absl::StrCat("left out subsidiary_of: no account '", parent, "'")});
      }
    }
    // A parent must be there before its subsidiaries.
    std::stable_partition(out_.dataset.customers.begin(), out_.dataset.customers.end(),
                          [](const auto& row) { return row.customer().parent().empty(); });
    return absl::OkStatus();
  }

  absl::Status Products(const std::string& directory) {
    auto file = File::Open(directory, "products.csv", {"product", "series", "sales_price"});
    if (!file.ok()) return file.status();
    file->Refuse(out_.refused);
    for (const Csv::Row& row : file->rows()) {
      const std::string name = file->Get(row, "product");
      const auto price = Amount(file->Get(row, "sales_price"));
      if (name.empty() || !price) {
        out_.refused.push_back(
            {file->name(), row.line,
             absl::StrCat("product must not be empty and sales_price must be an amount, not '",
                          file->Get(row, "sales_price"), "'")});
        continue;
      }
      opportunity::v1::ImportProductRow product;
      product.set_line(row.line);
      product.mutable_product()->set_name(resource::Name("products", IdFrom(name, 'p')));
      product.mutable_product()->set_title(name);
      if (const std::string series = file->Get(row, "series"); !series.empty()) {
        product.mutable_product()->set_product_line(
            resource::Name("productLines", IdFrom(series, 'l')));
        product.set_product_line_title(series);
      }
      product.mutable_product()->mutable_list_price()->set_currency_code(kCurrency);
      product.mutable_product()->mutable_list_price()->set_minor_units(*price);
      products_[name] = product.product().name();
      folded_products_[Folded(name)] = name;
      out_.dataset.products.push_back(std::move(product));
    }
    return absl::OkStatus();
  }

  absl::Status Pipeline(const std::string& directory) {
    auto file = File::Open(directory, "sales_pipeline.csv",
                           {"opportunity_id", "sales_agent", "product", "account", "deal_stage",
                            "engage_date", "close_date", "close_value"});
    if (!file.ok()) return file.status();
    file->Refuse(out_.refused);
    for (const Csv::Row& row : file->rows()) {
      if (const std::string problem = Opportunity(*file, row); !problem.empty()) {
        out_.refused.push_back({file->name(), row.line, problem});
      }
    }
    return absl::OkStatus();
  }

 private:
  void AddUnit(int64_t line, const std::string& name, const std::string& display_name,
               const std::string& parent, organization::v1::UnitKind kind,
               const std::string& region) {
    organization::v1::ImportUnitRow row;
    row.set_line(line == 0 ? 1 : static_cast<int64_t>(out_.dataset.units.size()) + 1);
    row.mutable_unit()->set_name(name);
    row.mutable_unit()->set_display_name(display_name);
    row.mutable_unit()->set_parent(parent);
    row.mutable_unit()->set_kind(kind);
    row.mutable_unit()->set_region(region);
    *row.mutable_unit()->mutable_start_date() = ToProto(kBegin);
    out_.dataset.units.push_back(std::move(row));
  }

  static void FillMember(organization::v1::Member& member, const std::string& name,
                         const std::string& unit, const char* job_title) {
    member.set_name(resource::Name("members", IdFrom(name, 'm')));
    member.set_display_name(name);
    member.set_unit(unit);
    member.set_job_title(job_title);
    *member.mutable_start_date() = ToProto(kBegin);
  }

  std::string Sector(const File& file, const Csv::Row& row) {
    const std::string sector = absl::AsciiStrToLower(file.Get(row, "sector"));
    for (const std::string& known : Sectors()) {
      if (sector == known) return sector;
    }
    for (const std::string& known : Sectors()) {
      if (Near(sector, known)) {
        out_.repaired.push_back(
            {file.name(), row.line, absl::StrCat("sector '", sector, "' read as '", known, "'")});
        return known;
      }
    }
    return sector;
  }

  // Adds the row's opportunity; or returns why it cannot be read.
  std::string Opportunity(const File& file, const Csv::Row& row) {
    std::vector<std::string> problems;
    opportunity::v1::ImportOpportunityRow opportunity;
    opportunity.set_line(row.line);
    const std::string id = file.Get(row, "opportunity_id");
    if (id.empty()) problems.push_back("opportunity_id must not be empty");
    opportunity.set_name(resource::Name("opportunities", IdFrom(absl::StrCat("o-", id), 'o')));

    const std::string agent = file.Get(row, "sales_agent");
    if (const auto found = agents_.find(agent); found != agents_.end()) {
      opportunity.set_owner(found->second.member);
      opportunity.set_region(found->second.region);
    } else {
      problems.push_back(absl::StrCat("sales_agent '", agent, "' is not in sales_teams.csv"));
    }

    std::string product = file.Get(row, "product");
    if (products_.count(product) == 0) {
      const auto folded = folded_products_.find(Folded(product));
      if (folded != folded_products_.end()) {
        out_.repaired.push_back(
            {file.name(), row.line,
             absl::StrCat("product '", product, "' read as '", folded->second, "'")});
        product = folded->second;
      } else {
        problems.push_back(absl::StrCat("product '", product, "' is not in products.csv"));
      }
    }
    if (products_.count(product) > 0) opportunity.set_product(products_[product]);

    const std::string account = file.Get(row, "account");
    if (const auto found = accounts_.find(account); found != accounts_.end()) {
      opportunity.set_customer(found->second);
    } else if (!account.empty()) {
      problems.push_back(absl::StrCat("account '", account, "' is not in accounts.csv"));
    }
    opportunity.set_title(account.empty() ? product : absl::StrCat(account, " - ", product));
    opportunity.set_process(kProcess);

    const auto date = [&](const char* column,
                          type::v1::Date* target) -> std::optional<absl::CivilDay> {
      const std::string text = file.Get(row, column);
      if (text.empty()) return std::nullopt;
      const auto day = ParseUsDate(text);
      if (!day) {
        problems.push_back(absl::StrCat(column, " '", text, "' is not a date month/day/year"));
        return std::nullopt;
      }
      *target = ToProto(*day);
      return day;
    };
    const std::string stage = file.Get(row, "deal_stage");
    const std::string value_text = file.Get(row, "close_value");
    const auto value = value_text.empty() ? std::optional<int64_t>() : Amount(value_text);
    if (!value_text.empty() && !value) {
      problems.push_back(absl::StrCat("close_value '", value_text, "' is not an amount"));
    }
    std::optional<absl::CivilDay> closed_on;
    const bool won = stage == "Won";
    const bool closed = won || stage == "Lost";
    if (closed || stage == "Engaging") {
      opportunity.set_stage("engaging");
    } else if (stage == "Prospecting") {
      opportunity.set_stage("prospecting");
    } else {
      problems.push_back(
          absl::StrCat("deal_stage '", stage, "' is not Prospecting, Engaging, Won or Lost"));
    }
    opportunity.set_state(won      ? opportunity::v1::WON
                          : closed ? opportunity::v1::LOST
                                   : opportunity::v1::OPEN);
    const auto engaged = date("engage_date", opportunity.mutable_open_date());
    if (!engaged) opportunity.clear_open_date();
    if (closed) {
      const auto close = date("close_date", opportunity.mutable_close_date());
      if (!close) problems.push_back("close_date is needed where deal_stage is Won or Lost");
      if (!engaged) problems.push_back("engage_date is needed where deal_stage is Won or Lost");
      if (engaged && close && *close < *engaged)
        problems.push_back("close_date is before engage_date");
      closed_on = close;
    }
    if (won && (!value || *value <= 0))
      problems.push_back("close_value must be above zero where deal_stage is Won");
    if (value && *value > 0) {
      opportunity.mutable_amount()->set_currency_code(kCurrency);
      opportunity.mutable_amount()->set_minor_units(*value);
    }
    if (!problems.empty()) return absl::StrJoin(problems, "; ");
    if (closed_on)
      out_.last_close_day = std::max(out_.last_close_day.value_or(*closed_on), *closed_on);
    out_.dataset.opportunities.push_back(std::move(opportunity));
    return "";
  }

  struct Agent {
    std::string member;
    std::string region;
  };
  CrmDirectory& out_;
  std::set<std::string> units_;
  std::map<std::string, Agent> agents_;
  std::map<std::string, std::string> accounts_;
  std::map<std::string, std::string> products_;
  std::map<std::string, std::string> folded_products_;
};

opportunity::v1::Process TwoStageProcess() {
  opportunity::v1::Process process;
  process.set_name(kProcess);
  process.set_title("CRM pipeline");
  auto* prospecting = process.add_stages();
  prospecting->set_stage_id("prospecting");
  prospecting->set_title("Prospecting");
  prospecting->set_expected_days(30);
  prospecting->set_win_probability_ppm(200'000);
  auto* engaging = process.add_stages();
  engaging->set_stage_id("engaging");
  engaging->set_title("Engaging");
  engaging->set_expected_days(60);
  engaging->set_win_probability_ppm(600'000);
  return process;
}

}  // namespace

absl::StatusOr<CrmDirectory> ReadCrmDirectory(const std::string& directory) {
  CrmDirectory out;
  Reader reader(out);
  for (const auto read :
       {&Reader::Teams, &Reader::Accounts, &Reader::Products, &Reader::Pipeline}) {
    if (absl::Status status = (reader.*read)(directory); !status.ok()) return status;
  }
  out.dataset.processes.push_back(TwoStageProcess());
  return out;
}

}  // namespace milepost::cli
