#include "customer-svc/service/parse.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "customer-svc/domain/text.h"
#include "platform/resource/mask.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"

namespace milepost::customer {
namespace {

using status::FieldViolations;

constexpr std::string_view kWideSpace = "\u3000";

std::string Trim(const std::string& text) {
  std::string_view view(text);
  const auto skip_front = [&] {
    if (!view.empty() && static_cast<unsigned char>(view.front()) <= ' ') {
      view.remove_prefix(1);
      return true;
    }
    if (view.substr(0, kWideSpace.size()) == kWideSpace) {
      view.remove_prefix(kWideSpace.size());
      return true;
    }
    return false;
  };
  const auto skip_back = [&] {
    if (!view.empty() && static_cast<unsigned char>(view.back()) <= ' ') {
      view.remove_suffix(1);
      return true;
    }
    if (view.size() >= kWideSpace.size() &&
        view.substr(view.size() - kWideSpace.size()) == kWideSpace) {
      view.remove_suffix(kWideSpace.size());
      return true;
    }
    return false;
  };
  while (skip_front()) {
  }
  while (skip_back()) {
  }
  return std::string(view);
}

bool HasControlCharacter(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7F;
  });
}

// A value of the proto enum `E` as the domain's `D`; unknown numbers are a violation, and 0 too if
// the field is required.
template <typename D, typename E>
D ReadEnum(E value, bool (*is_valid)(int), Presence presence, const std::string& field,
           FieldViolations& violations) {
  if (!is_valid(static_cast<int>(value))) {
    violations.Add(field, absl::StrCat(static_cast<int>(value), " is not a known value"));
    return D{};
  }
  if (presence == Presence::kRequired && static_cast<int>(value) == 0) {
    violations.Add(field, "is required");
  }
  return static_cast<D>(static_cast<int>(value));
}

int64_t ReadNumber(int64_t value, int64_t min, int64_t max, const std::string& field,
                   FieldViolations& violations) {
  if (value < min || value > max) {
    violations.Add(field, absl::StrCat(value, " is not between ", min, " and ", max));
  }
  return value;
}

std::string ReadPhone(const std::string& text, const std::string& field,
                      FieldViolations& violations) {
  std::string phone = ReadText(text, 0, kMaxPhone, field, violations);
  if (!phone.empty() && !IsPhone(phone)) {
    violations.Add(
        field,
        "is not a phone number: 3 to 20 digits with an optional +, spaces, -, (, ) and an"
        " extension after x or 转");
  }
  return phone;
}

std::string ReadEmail(const std::string& text, const std::string& field,
                      FieldViolations& violations) {
  std::string email = ReadText(text, 0, kMaxEmail, field, violations);
  if (!email.empty() && !IsEmail(email)) violations.Add(field, "is not an e-mail address");
  return email;
}

bool IsAttributeKey(const std::string& key) {
  if (key.empty() || key.size() > kMaxAttributeKey || key[0] < 'a' || key[0] > 'z') return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::vector<Attribute> ReadAttributes(const v1::Customer& customer, const std::string& prefix,
                                      const ParseContext& context, FieldViolations& violations) {
  std::vector<Attribute> attributes;
  if (customer.attributes_size() > kMaxAttributes) {
    violations.Add(prefix + "attributes",
                   absl::StrCat(customer.attributes_size(), " are more than ", kMaxAttributes));
    return attributes;
  }
  std::set<std::string> keys;
  for (int i = 0; i < customer.attributes_size(); ++i) {
    const v1::Attribute& in = customer.attributes(i);
    const std::string path = absl::StrCat(prefix, "attributes[", i, "].");
    if (!IsAttributeKey(in.key())) {
      violations.Add(path + "key", absl::StrCat("want 1 to ", kMaxAttributeKey,
                                                " of a-z, 0-9 and _, beginning with a letter"));
    } else if (!keys.insert(in.key()).second) {
      violations.Add(path + "key", absl::StrCat("'", in.key(), "' is there twice"));
    }
    Attribute attribute{in.key(), false};
    switch (in.value_case()) {
      case v1::Attribute::kText:
        attribute.value = ReadText(in.text(), 1, kMaxAttributeText, path + "text", violations);
        break;
      case v1::Attribute::kNumber:
        attribute.value = in.number();
        break;
      case v1::Attribute::kFlag:
        attribute.value = in.flag();
        break;
      case v1::Attribute::kDate:
        attribute.value = ReadDate(in.date(), path + "date", violations).value_or(absl::CivilDay());
        break;
      case v1::Attribute::kMoney:
        attribute.value =
            ReadMoney(in.money(), context.currency_code, 0, path + "money", violations)
                .value_or(Money{});
        break;
      case v1::Attribute::VALUE_NOT_SET:
        violations.Add(path + "value", "is required: one of text, number, flag, date, money");
        break;
    }
    attributes.push_back(std::move(attribute));
  }
  std::sort(attributes.begin(), attributes.end(),
            [](const Attribute& a, const Attribute& b) { return a.key < b.key; });
  return attributes;
}

std::vector<Address> ReadAddresses(const v1::Customer& customer, const std::string& prefix,
                                   FieldViolations& violations) {
  std::vector<Address> addresses;
  if (customer.addresses_size() > kMaxAddresses) {
    violations.Add(prefix + "addresses",
                   absl::StrCat(customer.addresses_size(), " are more than ", kMaxAddresses));
    return addresses;
  }
  for (int i = 0; i < customer.addresses_size(); ++i) {
    const v1::Address& in = customer.addresses(i);
    const std::string path = absl::StrCat(prefix, "addresses[", i, "].");
    Address address;
    address.kind = ReadEnum<AddressKind>(in.kind(), v1::AddressKind_IsValid, Presence::kOptional,
                                         path + "kind", violations);
    address.country = ReadText(in.country(), 0, kMaxWord, path + "country", violations);
    address.province = ReadText(in.province(), 0, kMaxWord, path + "province", violations);
    address.city = ReadText(in.city(), 0, kMaxWord, path + "city", violations);
    address.district = ReadText(in.district(), 0, kMaxWord, path + "district", violations);
    address.street = ReadText(in.street(), 0, kMaxStreet, path + "street", violations);
    address.postal_code =
        ReadText(in.postal_code(), 0, kMaxPostalCode, path + "postal_code", violations);
    addresses.push_back(std::move(address));
  }
  return addresses;
}

std::vector<std::string> ReadTags(const v1::Customer& customer, const std::string& prefix,
                                  FieldViolations& violations) {
  std::vector<std::string> tags;
  if (customer.tags_size() > kMaxTags) {
    violations.Add(prefix + "tags",
                   absl::StrCat(customer.tags_size(), " are more than ", kMaxTags));
    return tags;
  }
  for (int i = 0; i < customer.tags_size(); ++i) {
    const std::string path = absl::StrCat(prefix, "tags[", i, "]");
    std::string tag = ReadText(customer.tags(i), 1, kMaxTag, path, violations);
    if (std::find(tags.begin(), tags.end(), tag) != tags.end()) {
      violations.Add(path, absl::StrCat("'", tag, "' is there twice"));
    }
    tags.push_back(std::move(tag));
  }
  return tags;
}

template <typename T>
absl::StatusOr<T> Result(const FieldViolations& violations, T value) {
  if (!violations.empty()) return violations.ToStatus();
  return value;
}

// What every verb says: on which record, at which version. The text and the member are the verb's.
template <typename Request>
VerbCommand ReadVerb(const Request& request, const std::string& collection,
                     FieldViolations& violations) {
  VerbCommand command;
  command.id = ReadName(request.name(), collection, Presence::kRequired, "name", violations);
  command.version = ReadEtag(request.etag(), violations);
  return command;
}

// A mask that names nothing to change is a mistake of the caller.
std::set<std::string> ReadMask(const google::protobuf::FieldMask& mask,
                               const google::protobuf::Message& resource,
                               const std::set<std::string>& updatable,
                               FieldViolations& violations) {
  const bool bad_before = !violations.empty();
  std::set<std::string> fields = resource::ReadUpdateMask(mask, resource, updatable, violations);
  if (fields.empty() && mask.paths().empty() && !bad_before) {
    violations.Add("update_mask", "names no field, and no field that can be updated is set");
  }
  return fields;
}

}  // namespace

std::string ReadText(const std::string& text, size_t min, size_t max, const std::string& field,
                     FieldViolations& violations) {
  std::string trimmed = Trim(text);
  const size_t characters = CharacterCount(trimmed);
  if (characters < min) {
    violations.Add(field,
                   min == 1 ? "is required" : absl::StrCat("is shorter than ", min, " characters"));
  } else if (characters > max) {
    violations.Add(field, absl::StrCat(characters, " characters are more than ", max));
  } else if (HasControlCharacter(trimmed)) {
    violations.Add(field, "contains control characters");
  }
  return trimmed;
}

std::string ReadName(const std::string& name, const std::string& collection, Presence presence,
                     const std::string& field, FieldViolations& violations) {
  if (name.empty()) {
    if (presence == Presence::kRequired) violations.Add(field, "is required");
    return "";
  }
  std::optional<std::string> id = resource::IdOf(collection, name);
  if (!id) {
    violations.Add(field, absl::StrCat("want ", collection, "/{id}, the id ", resource::kIdRule));
    return "";
  }
  return *std::move(id);
}

std::string ReadNewId(const std::string& id, const std::string& field,
                      FieldViolations& violations) {
  if (!id.empty() && !resource::IsId(id)) {
    violations.Add(field, absl::StrCat("want ", resource::kIdRule));
  }
  return id;
}

ExpectedVersion ReadEtag(const std::string& etag, FieldViolations& violations) {
  if (etag.empty()) return std::nullopt;
  const std::optional<int64_t> version = resource::VersionOf(etag);
  if (!version) violations.Add("etag", "is not one that was given out");
  return version;
}

Customer ReadCustomer(const v1::Customer& in, const std::set<std::string>& fields,
                      const std::string& prefix, const ParseContext& context,
                      FieldViolations& violations) {
  Customer out;
  const auto has = [&](const char* field) { return fields.count(field) > 0; };
  if (has("display_name")) {
    out.display_name =
        ReadText(in.display_name(), 1, kMaxDisplayName, prefix + "display_name", violations);
    if (!out.display_name.empty() && SearchKey(out.display_name).empty()) {
      violations.Add(prefix + "display_name", "has no letter or digit");
    }
  }
  if (has("short_name")) {
    out.short_name = ReadText(in.short_name(), 0, kMaxShortName, prefix + "short_name", violations);
  }
  if (has("credit_code")) {
    out.credit_code = FoldCreditCode(in.credit_code());
    if (!out.credit_code.empty() && !IsCreditCode(out.credit_code)) {
      violations.Add(prefix + "credit_code",
                     "is not a unified social credit code: 18 characters, the last a check of the"
                     " others");
    }
  }
  if (has("phone")) out.phone = ReadPhone(in.phone(), prefix + "phone", violations);
  if (has("email")) out.email = ReadEmail(in.email(), prefix + "email", violations);
  if (has("website")) {
    out.website = ReadText(in.website(), 0, kMaxWebsite, prefix + "website", violations);
  }
  if (has("industry")) {
    out.industry = ReadText(in.industry(), 0, kMaxWord, prefix + "industry", violations);
  }
  if (has("region")) out.region = ReadText(in.region(), 0, kMaxWord, prefix + "region", violations);
  if (has("channel")) {
    out.channel = ReadEnum<Channel>(in.channel(), v1::Channel_IsValid, Presence::kOptional,
                                    prefix + "channel", violations);
  }
  if (has("source")) {
    out.source_id =
        ReadName(in.source(), "sources", Presence::kOptional, prefix + "source", violations);
  }
  if (has("tags")) out.tags = ReadTags(in, prefix, violations);
  if (has("addresses")) out.addresses = ReadAddresses(in, prefix, violations);
  if (has("attributes")) out.attributes = ReadAttributes(in, prefix, context, violations);
  if (has("parent")) {
    out.parent_id =
        ReadName(in.parent(), "customers", Presence::kOptional, prefix + "parent", violations);
  }
  if (has("founded_year") && in.founded_year() != 0) {
    out.founded_year = static_cast<int>(ReadNumber(
        in.founded_year(), kMinFoundedYear, kMaxFoundedYear, prefix + "founded_year", violations));
  }
  if (has("employee_count")) {
    out.employee_count =
        ReadNumber(in.employee_count(), 0, kMaxEmployees, prefix + "employee_count", violations);
  }
  if (has("annual_revenue") && in.has_annual_revenue()) {
    out.annual_revenue = ReadMoney(in.annual_revenue(), context.currency_code, 0,
                                   prefix + "annual_revenue", violations);
  }
  if (has("description")) {
    out.description =
        ReadText(in.description(), 0, kMaxDescription, prefix + "description", violations);
  }
  if (has("since_date") && in.has_since_date()) {
    out.since_day = ReadDate(in.since_date(), prefix + "since_date", violations);
    if (out.since_day && *out.since_day > context.today) {
      violations.Add(prefix + "since_date", "lies in the future");
    }
  }
  return out;
}

Customer ReadNewCustomer(const v1::Customer& in, const std::string& prefix,
                         const ParseContext& context, FieldViolations& violations) {
  Customer out = ReadCustomer(in, UpdatableFields(), prefix, context, violations);
  out.kind = ReadEnum<CustomerKind>(in.kind(), v1::CustomerKind_IsValid, Presence::kRequired,
                                    prefix + "kind", violations);
  if (out.kind == CustomerKind::kPerson && !out.credit_code.empty()) {
    violations.Add(prefix + "credit_code", "only companies have one");
  }
  out.owner_id = ReadName(in.owner(), "members", Presence::kOptional, prefix + "owner", violations);
  return out;
}

absl::StatusOr<CreateCustomerCommand> ParseCreate(const v1::CreateCustomerRequest& request,
                                                  const ParseContext& context) {
  FieldViolations violations;
  CreateCustomerCommand command;
  command.draft = ReadNewCustomer(request.customer(), "customer.", context, violations);
  command.draft.id = ReadNewId(request.customer_id(), "customer_id", violations);
  if (!command.draft.id.empty() && command.draft.parent_id == command.draft.id) {
    violations.Add("customer.parent", "is the customer itself");
  }
  command.allow_duplicates = request.allow_duplicates();
  return Result(violations, std::move(command));
}

absl::StatusOr<UpdateCustomerParsed> ParseUpdate(const v1::UpdateCustomerRequest& request,
                                                 const ParseContext& context) {
  FieldViolations violations;
  UpdateCustomerParsed parsed;
  parsed.id = ReadName(request.customer().name(), "customers", Presence::kRequired, "customer.name",
                       violations);
  UpdateCustomerCommand& command = parsed.command;
  command.fields =
      ReadMask(request.update_mask(), request.customer(), UpdatableFields(), violations);
  command.values =
      ReadCustomer(request.customer(), command.fields, "customer.", context, violations);
  command.version = ReadEtag(request.etag(), violations);
  return Result(violations, std::move(parsed));
}

absl::StatusOr<VerbCommand> ParseAssign(const v1::AssignCustomerRequest& request) {
  FieldViolations violations;
  VerbCommand command = ReadVerb(request, "customers", violations);
  command.member_id =
      ReadName(request.member(), "members", Presence::kRequired, "member", violations);
  command.text = ReadText(request.note(), 0, kMaxNote, "note", violations);
  return Result(violations, std::move(command));
}

absl::StatusOr<VerbCommand> ParseTransfer(const v1::TransferCustomerRequest& request) {
  FieldViolations violations;
  VerbCommand command = ReadVerb(request, "customers", violations);
  command.member_id =
      ReadName(request.member(), "members", Presence::kRequired, "member", violations);
  command.text = ReadText(request.handover_note(), 1, kMaxNote, "handover_note", violations);
  return Result(violations, std::move(command));
}

absl::StatusOr<VerbCommand> ParseClaim(const v1::ClaimCustomerRequest& request) {
  FieldViolations violations;
  VerbCommand command = ReadVerb(request, "customers", violations);
  return Result(violations, std::move(command));
}

absl::StatusOr<VerbCommand> ParseRelease(const v1::ReleaseCustomerRequest& request) {
  FieldViolations violations;
  VerbCommand command = ReadVerb(request, "customers", violations);
  command.text = ReadText(request.reason(), 1, kMaxReason, "reason", violations);
  return Result(violations, std::move(command));
}

absl::StatusOr<HandOverCommand> ParseHandOver(const v1::HandOverCustomersRequest& request) {
  FieldViolations violations;
  HandOverCommand command;
  command.from_member_id =
      ReadName(request.from_member(), "members", Presence::kRequired, "from_member", violations);
  command.to_member_id =
      ReadName(request.to_member(), "members", Presence::kOptional, "to_member", violations);
  if (!command.to_member_id.empty() && command.to_member_id == command.from_member_id) {
    violations.Add("to_member", "is the same as from_member");
  }
  command.note = ReadText(request.handover_note(), 1, kMaxNote, "handover_note", violations);
  return Result(violations, std::move(command));
}

absl::StatusOr<SettingsCommand> ParseSettings(const v1::UpdatePoolSettingsRequest& request) {
  FieldViolations violations;
  SettingsCommand command;
  // 0 is a value, so an empty mask sets the limit too.
  for (const std::string& path : request.update_mask().paths()) {
    if (path != "max_customers_per_member" && path != "*") {
      violations.Add("update_mask", absl::StrCat("'", path,
                                                 "' is not a field that can be updated; that is"
                                                 " max_customers_per_member"));
    }
  }
  command.max_customers_per_member =
      ReadNumber(request.pool_settings().max_customers_per_member(), 0, kMaxClaimLimit,
                 "pool_settings.max_customers_per_member", violations);
  command.version = ReadEtag(request.etag(), violations);
  return Result(violations, std::move(command));
}

FilterCommand ReadFilter(const v1::CustomerFilter& filter, FieldViolations& violations) {
  FilterCommand command;
  ListCustomersQuery& list = command.list;
  command.owner_id =
      ReadName(filter.owner(), "members", Presence::kOptional, "filter.owner", violations);
  command.unit_id =
      ReadName(filter.unit(), "units", Presence::kOptional, "filter.unit", violations);
  command.pool_only = filter.pool_only();
  if (command.pool_only && (!filter.owner().empty() || !filter.unit().empty())) {
    violations.Add("filter.pool_only", "cannot be combined with owner or unit");
  }
  list.kind = ReadEnum<CustomerKind>(filter.kind(), v1::CustomerKind_IsValid, Presence::kOptional,
                                     "filter.kind", violations);
  list.industry = ReadText(filter.industry(), 0, kMaxWord, "filter.industry", violations);
  list.region = ReadText(filter.region(), 0, kMaxWord, "filter.region", violations);
  list.channel = ReadEnum<Channel>(filter.channel(), v1::Channel_IsValid, Presence::kOptional,
                                   "filter.channel", violations);
  list.source_id =
      ReadName(filter.source(), "sources", Presence::kOptional, "filter.source", violations);
  list.tag = ReadText(filter.tag(), 0, kMaxTag, "filter.tag", violations);
  if (filter.has_created_from()) {
    list.created_from = ReadTimestamp(filter.created_from(), "filter.created_from", violations);
  }
  if (filter.has_created_before()) {
    list.created_before =
        ReadTimestamp(filter.created_before(), "filter.created_before", violations);
  }
  if (list.created_from && list.created_before && *list.created_before <= *list.created_from) {
    violations.Add("filter.created_before", "is not after created_from");
  }
  return command;
}

Contact ReadContact(const v1::Contact& in, const std::set<std::string>& fields,
                    FieldViolations& violations) {
  Contact out;
  const auto has = [&](const char* field) { return fields.count(field) > 0; };
  if (has("display_name")) {
    out.display_name =
        ReadText(in.display_name(), 1, kMaxContactName, "contact.display_name", violations);
  }
  if (has("job_title")) {
    out.job_title = ReadText(in.job_title(), 0, kMaxJobTitle, "contact.job_title", violations);
  }
  if (has("department")) {
    out.department = ReadText(in.department(), 0, kMaxJobTitle, "contact.department", violations);
  }
  if (has("decision_role")) {
    out.decision_role =
        ReadEnum<DecisionRole>(in.decision_role(), v1::DecisionRole_IsValid, Presence::kOptional,
                               "contact.decision_role", violations);
  }
  if (has("attitude")) {
    out.attitude = ReadEnum<Attitude>(in.attitude(), v1::Attitude_IsValid, Presence::kOptional,
                                      "contact.attitude", violations);
  }
  if (has("phone")) out.phone = ReadPhone(in.phone(), "contact.phone", violations);
  if (has("mobile")) out.mobile = ReadPhone(in.mobile(), "contact.mobile", violations);
  if (has("email")) out.email = ReadEmail(in.email(), "contact.email", violations);
  if (has("wechat")) {
    out.wechat = ReadText(in.wechat(), 0, kMaxWord, "contact.wechat", violations);
  }
  out.primary = in.primary();
  out.left = in.left();
  if (has("description")) {
    out.description =
        ReadText(in.description(), 0, kMaxDescription, "contact.description", violations);
  }
  return out;
}

absl::StatusOr<Contact> ParseCreate(const v1::CreateContactRequest& request) {
  FieldViolations violations;
  Contact draft = ReadContact(request.contact(), UpdatableContactFields(), violations);
  draft.id = ReadNewId(request.contact_id(), "contact_id", violations);
  draft.customer_id = ReadName(request.contact().customer(), "customers", Presence::kRequired,
                               "contact.customer", violations);
  return Result(violations, std::move(draft));
}

absl::StatusOr<UpdateContactParsed> ParseUpdate(const v1::UpdateContactRequest& request) {
  FieldViolations violations;
  UpdateContactParsed parsed;
  parsed.id = ReadName(request.contact().name(), "contacts", Presence::kRequired, "contact.name",
                       violations);
  UpdateContactCommand& command = parsed.command;
  command.fields =
      ReadMask(request.update_mask(), request.contact(), UpdatableContactFields(), violations);
  command.values = ReadContact(request.contact(), command.fields, violations);
  command.version = ReadEtag(request.etag(), violations);
  return Result(violations, std::move(parsed));
}

absl::StatusOr<VerbCommand> ParseDelete(const v1::DeleteContactRequest& request) {
  FieldViolations violations;
  VerbCommand command = ReadVerb(request, "contacts", violations);
  return Result(violations, std::move(command));
}

namespace {

// The named ones of the fields that planning, recording and updating share.
Interaction ReadInteraction(const v1::Interaction& in, const std::set<std::string>& fields,
                            FieldViolations& violations) {
  Interaction out;
  const auto has = [&](const char* field) { return fields.count(field) > 0; };
  if (has("contact")) {
    out.contact_id =
        ReadName(in.contact(), "contacts", Presence::kOptional, "interaction.contact", violations);
  }
  if (has("purpose")) {
    out.purpose =
        ReadEnum<InteractionPurpose>(in.purpose(), v1::InteractionPurpose_IsValid,
                                     Presence::kRequired, "interaction.purpose", violations);
  }
  if (has("subject")) {
    out.subject = ReadText(in.subject(), 1, kMaxSubject, "interaction.subject", violations);
  }
  if (has("planned_time")) {
    if (in.has_planned_time()) {
      out.planned_time = ReadTimestamp(in.planned_time(), "interaction.planned_time", violations)
                             .value_or(absl::Time());
    } else {
      violations.Add("interaction.planned_time", "is required");
    }
  }
  if (has("duration_minutes")) {
    out.duration_minutes = static_cast<int>(ReadNumber(
        in.duration_minutes(), 0, kMaxDurationMinutes, "interaction.duration_minutes", violations));
  }
  return out;
}

Interaction ReadNewInteraction(const v1::Interaction& in, const std::string& id,
                               std::set<std::string> fields, FieldViolations& violations) {
  Interaction out = ReadInteraction(in, fields, violations);
  out.id = ReadNewId(id, "interaction_id", violations);
  out.customer_id =
      ReadName(in.customer(), "customers", Presence::kRequired, "interaction.customer", violations);
  out.member_id =
      ReadName(in.member(), "members", Presence::kOptional, "interaction.member", violations);
  out.type = ReadEnum<InteractionType>(in.type(), v1::InteractionType_IsValid, Presence::kRequired,
                                       "interaction.type", violations);
  return out;
}

Outcome ReadOutcome(const v1::InteractionOutcome& in, FieldViolations& violations) {
  Outcome out;
  out.result = ReadEnum<InteractionResult>(in.result(), v1::InteractionResult_IsValid,
                                           Presence::kRequired, "outcome.result", violations);
  out.text = ReadText(in.outcome(), 1, kMaxOutcome, "outcome.outcome", violations);
  if (in.has_done_time()) {
    out.done_time = ReadTimestamp(in.done_time(), "outcome.done_time", violations);
  }
  if (in.has_next_step()) {
    NextStep step;
    step.description = ReadText(in.next_step().description(), 1, kMaxNextStep,
                                "outcome.next_step.description", violations);
    step.due_day = ReadDate(in.next_step().due_date(), "outcome.next_step.due_date", violations)
                       .value_or(absl::CivilDay());
    out.next_step = std::move(step);
  }
  return out;
}

}  // namespace

absl::StatusOr<Interaction> ParsePlan(const v1::PlanInteractionRequest& request) {
  FieldViolations violations;
  Interaction draft = ReadNewInteraction(request.interaction(), request.interaction_id(),
                                         UpdatableInteractionFields(), violations);
  return Result(violations, std::move(draft));
}

absl::StatusOr<RecordCommand> ParseRecord(const v1::RecordInteractionRequest& request) {
  FieldViolations violations;
  std::set<std::string> fields = UpdatableInteractionFields();
  if (!request.interaction().has_planned_time()) fields.erase("planned_time");
  RecordCommand command;
  command.draft = ReadNewInteraction(request.interaction(), request.interaction_id(),
                                     std::move(fields), violations);
  command.outcome = ReadOutcome(request.outcome(), violations);
  return Result(violations, std::move(command));
}

absl::StatusOr<UpdateInteractionParsed> ParseUpdate(const v1::UpdateInteractionRequest& request) {
  FieldViolations violations;
  UpdateInteractionParsed parsed;
  parsed.id = ReadName(request.interaction().name(), "interactions", Presence::kRequired,
                       "interaction.name", violations);
  UpdateInteractionCommand& command = parsed.command;
  command.fields = ReadMask(request.update_mask(), request.interaction(),
                            UpdatableInteractionFields(), violations);
  command.values = ReadInteraction(request.interaction(), command.fields, violations);
  command.version = ReadEtag(request.etag(), violations);
  return Result(violations, std::move(parsed));
}

absl::StatusOr<CompleteCommand> ParseComplete(const v1::CompleteInteractionRequest& request) {
  FieldViolations violations;
  CompleteCommand command;
  command.id = ReadName(request.name(), "interactions", Presence::kRequired, "name", violations);
  command.outcome = ReadOutcome(request.outcome(), violations);
  command.version = ReadEtag(request.etag(), violations);
  return Result(violations, std::move(command));
}

absl::StatusOr<VerbCommand> ParseCancel(const v1::CancelInteractionRequest& request) {
  FieldViolations violations;
  VerbCommand command = ReadVerb(request, "interactions", violations);
  command.text = ReadText(request.reason(), 1, kMaxReason, "reason", violations);
  return Result(violations, std::move(command));
}

absl::StatusOr<VerbCommand> ParseCompleteNextStep(const v1::CompleteNextStepRequest& request) {
  FieldViolations violations;
  VerbCommand command = ReadVerb(request, "interactions", violations);
  return Result(violations, std::move(command));
}

}  // namespace milepost::customer
