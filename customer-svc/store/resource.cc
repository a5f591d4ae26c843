#include "customer-svc/store/resource.h"

#include <type_traits>

#include "customer-svc/domain/errors.h"
#include "platform/resource/name.h"
#include "platform/types/proto.h"

namespace milepost::customer {
namespace {

// Values of the domain have the numbers of the API.
static_assert(static_cast<int>(CustomerKind::kPerson) == v1::PERSON);
static_assert(static_cast<int>(Channel::kPartner) == v1::PARTNER);
static_assert(static_cast<int>(AddressKind::kBilling) == v1::BILLING);
static_assert(static_cast<int>(DecisionRole::kGatekeeper) == v1::GATEKEEPER);
static_assert(static_cast<int>(Attitude::kOpponent) == v1::OPPONENT);
static_assert(static_cast<int>(InteractionType::kServiceCall) == v1::SERVICE_CALL);
static_assert(static_cast<int>(InteractionPurpose::kOther) == v1::OTHER_PURPOSE);
static_assert(static_cast<int>(InteractionState::kCancelled) == v1::CANCELLED);
static_assert(static_cast<int>(InteractionResult::kUnsuccessful) == v1::UNSUCCESSFUL);

std::string OptionalName(const std::string& collection, const std::string& id) {
  return id.empty() ? "" : resource::Name(collection, id);
}

v1::Attribute ToProto(const Attribute& attribute) {
  v1::Attribute out;
  out.set_key(attribute.key);
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) out.set_text(value);
        if constexpr (std::is_same_v<T, int64_t>) out.set_number(value);
        if constexpr (std::is_same_v<T, bool>) out.set_flag(value);
        if constexpr (std::is_same_v<T, absl::CivilDay>)
          *out.mutable_date() = milepost::ToProto(value);
        if constexpr (std::is_same_v<T, Money>) *out.mutable_money() = milepost::ToProto(value);
      },
      attribute.value);
  return out;
}

v1::Address ToProto(const Address& address) {
  v1::Address out;
  out.set_kind(static_cast<v1::AddressKind>(address.kind));
  out.set_country(address.country);
  out.set_province(address.province);
  out.set_city(address.city);
  out.set_district(address.district);
  out.set_street(address.street);
  out.set_postal_code(address.postal_code);
  return out;
}

}  // namespace

v1::Customer ToProto(const Customer& customer) {
  v1::Customer out;
  out.set_name(error::CustomerName(customer.id));
  out.set_kind(static_cast<v1::CustomerKind>(customer.kind));
  out.set_display_name(customer.display_name);
  out.set_short_name(customer.short_name);
  out.set_credit_code(customer.credit_code);
  out.set_phone(customer.phone);
  out.set_email(customer.email);
  out.set_website(customer.website);
  out.set_industry(customer.industry);
  out.set_region(customer.region);
  out.set_channel(static_cast<v1::Channel>(customer.channel));
  out.set_source(OptionalName("sources", customer.source_id));
  for (const std::string& tag : customer.tags) out.add_tags(tag);
  for (const Address& address : customer.addresses) *out.add_addresses() = ToProto(address);
  for (const Attribute& attribute : customer.attributes) {
    *out.add_attributes() = ToProto(attribute);
  }
  out.set_parent(OptionalName("customers", customer.parent_id));
  out.set_founded_year(customer.founded_year);
  out.set_employee_count(customer.employee_count);
  if (customer.annual_revenue) {
    *out.mutable_annual_revenue() = milepost::ToProto(*customer.annual_revenue);
  }
  out.set_description(customer.description);
  if (customer.since_day) *out.mutable_since_date() = milepost::ToProto(*customer.since_day);
  out.set_owner(OptionalName("members", customer.owner_id));
  *out.mutable_owner_time() = milepost::ToProto(customer.owner_time);
  out.set_handover_note(customer.handover_note);
  *out.mutable_create_time() = milepost::ToProto(customer.create_time);
  *out.mutable_update_time() = milepost::ToProto(customer.update_time);
  out.set_version(customer.version);
  out.set_etag(resource::Etag(customer.version));
  return out;
}

v1::Contact ToProto(const Contact& contact) {
  v1::Contact out;
  out.set_name(error::ContactName(contact.id));
  out.set_customer(error::CustomerName(contact.customer_id));
  out.set_display_name(contact.display_name);
  out.set_job_title(contact.job_title);
  out.set_department(contact.department);
  out.set_decision_role(static_cast<v1::DecisionRole>(contact.decision_role));
  out.set_attitude(static_cast<v1::Attitude>(contact.attitude));
  out.set_phone(contact.phone);
  out.set_mobile(contact.mobile);
  out.set_email(contact.email);
  out.set_wechat(contact.wechat);
  out.set_primary(contact.primary);
  out.set_left(contact.left);
  out.set_description(contact.description);
  *out.mutable_create_time() = milepost::ToProto(contact.create_time);
  *out.mutable_update_time() = milepost::ToProto(contact.update_time);
  out.set_version(contact.version);
  out.set_etag(resource::Etag(contact.version));
  return out;
}

v1::Interaction ToProto(const Interaction& interaction) {
  v1::Interaction out;
  out.set_name(error::InteractionName(interaction.id));
  out.set_customer(error::CustomerName(interaction.customer_id));
  out.set_member(error::MemberName(interaction.member_id));
  out.set_contact(OptionalName("contacts", interaction.contact_id));
  out.set_type(static_cast<v1::InteractionType>(interaction.type));
  out.set_purpose(static_cast<v1::InteractionPurpose>(interaction.purpose));
  out.set_subject(interaction.subject);
  *out.mutable_planned_time() = milepost::ToProto(interaction.planned_time);
  out.set_duration_minutes(interaction.duration_minutes);
  out.set_state(static_cast<v1::InteractionState>(interaction.state));
  if (interaction.done_time) *out.mutable_done_time() = milepost::ToProto(*interaction.done_time);
  out.set_result(static_cast<v1::InteractionResult>(interaction.result));
  out.set_outcome(interaction.outcome);
  if (interaction.next_step) {
    v1::NextStep& step = *out.mutable_next_step();
    step.set_description(interaction.next_step->description);
    *step.mutable_due_date() = milepost::ToProto(interaction.next_step->due_day);
    if (interaction.next_step->done_time) {
      *step.mutable_done_time() = milepost::ToProto(*interaction.next_step->done_time);
    }
  }
  out.set_cancel_reason(interaction.cancel_reason);
  *out.mutable_create_time() = milepost::ToProto(interaction.create_time);
  *out.mutable_update_time() = milepost::ToProto(interaction.update_time);
  out.set_version(interaction.version);
  out.set_etag(resource::Etag(interaction.version));
  return out;
}

v1::PoolSettings ToProto(const PoolSettings& settings) {
  v1::PoolSettings out;
  out.set_max_customers_per_member(static_cast<int32_t>(settings.max_customers_per_member));
  if (settings.version > 0) *out.mutable_update_time() = milepost::ToProto(settings.update_time);
  out.set_version(settings.version);
  out.set_etag(resource::Etag(settings.version));
  return out;
}

}  // namespace milepost::customer
