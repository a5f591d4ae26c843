#include "customer-svc/service/access.h"

#include <algorithm>

#include "customer-svc/domain/errors.h"
#include "customer-svc/store/resource.h"
#include "platform/access/masking.h"

namespace milepost::customer {

absl::Status CheckMayChange(const rpc::Caller& caller, const std::string& owner_id,
                            const std::string& customer_id) {
  if (!caller.MaySee(owner_id)) return error::NotFound(error::CustomerName(customer_id));
  if (caller.scope().MayChange(owner_id)) return absl::OkStatus();
  return owner_id.empty() ? error::InPool(customer_id) : error::MemberOutOfScope(owner_id);
}

absl::Status CheckActiveMember(const rpc::Caller& caller, const std::string& member_id,
                               absl::CivilDay today) {
  const access::Organization& organization = caller.organization();
  if (organization.HasMember(member_id, today)) return absl::OkStatus();
  return organization.UnitOf(member_id, today) ? error::MemberInactive(member_id)
                                               : error::MemberUnknown(member_id);
}

absl::Status CheckMemberInScope(const rpc::Caller& caller, const std::string& member_id) {
  if (caller.scope().MayChange(member_id)) return absl::OkStatus();
  return error::MemberOutOfScope(member_id);
}

OwnerFilter VisibleOwners(const rpc::Caller& caller) {
  if (caller.scope().sees_all()) return std::nullopt;
  std::vector<std::string> owners = caller.scope().owners();
  owners.emplace_back();  // The shared pool.
  return owners;
}

OwnerFilter PersonalOwners(const rpc::Caller& caller) {
  if (caller.scope().MaySeePersonal("")) return std::nullopt;
  return caller.scope().owners();
}

ListCustomersQuery WithinScope(const rpc::Caller& caller, const FilterCommand& filter,
                               absl::CivilDay today) {
  ListCustomersQuery query = filter.list;
  query.owners = VisibleOwners(caller);
  const auto restrict_to = [&](const std::vector<std::string>& wanted) {
    std::vector<std::string> allowed;
    for (const std::string& owner : wanted) {
      if (!query.owners ||
          std::find(query.owners->begin(), query.owners->end(), owner) != query.owners->end()) {
        allowed.push_back(owner);
      }
    }
    query.owners = std::move(allowed);
  };
  if (!filter.owner_id.empty()) restrict_to({filter.owner_id});
  if (!filter.unit_id.empty()) {
    restrict_to(caller.organization().MembersBelow(filter.unit_id, today));
  }
  if (filter.pool_only) restrict_to({""});
  return query;
}

void Mask(const rpc::Caller& caller, v1::Customer& customer) {
  if (caller.scope().MaySeePersonal(customer.owner())) return;
  access::MaskPersonal(customer);
  customer.set_personal_data_masked(true);
}

void Mask(const rpc::Caller& caller, const std::string& owner_id, v1::Contact& contact) {
  if (caller.scope().MaySeePersonal(owner_id)) return;
  access::MaskPersonal(contact);
  contact.set_personal_data_masked(true);
}

v1::Customer Present(const rpc::Caller& caller, const Customer& customer) {
  v1::Customer answer = ToProto(customer);
  Mask(caller, answer);
  return answer;
}

v1::Contact Present(const rpc::Caller& caller, const Contact& contact,
                    const std::string& owner_id) {
  v1::Contact answer = ToProto(contact);
  Mask(caller, owner_id, answer);
  return answer;
}

}  // namespace milepost::customer
