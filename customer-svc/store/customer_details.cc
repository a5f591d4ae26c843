#include "customer-svc/store/customer_details.h"

#include <type_traits>

#include "nlohmann/json.hpp"
#include "platform/db/value.h"

namespace milepost::customer {
namespace {

using Json = nlohmann::ordered_json;

void Put(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

}  // namespace

std::string WriteDetails(const Customer& customer) {
  Json details = Json::object();
  if (!customer.tags.empty()) details["tags"] = customer.tags;
  for (const Address& address : customer.addresses) {
    Json object = Json::object();
    if (address.kind != AddressKind::kUnspecified) object["kind"] = static_cast<int>(address.kind);
    Put(object, "country", address.country);
    Put(object, "province", address.province);
    Put(object, "city", address.city);
    Put(object, "district", address.district);
    Put(object, "street", address.street);
    Put(object, "postal_code", address.postal_code);
    details["addresses"].push_back(std::move(object));
  }
  for (const Attribute& attribute : customer.attributes) {
    Json object = {{"key", attribute.key}};
    std::visit(
        [&](const auto& value) {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, std::string>) object["text"] = value;
          if constexpr (std::is_same_v<T, int64_t>) object["number"] = value;
          if constexpr (std::is_same_v<T, bool>) object["flag"] = value;
          if constexpr (std::is_same_v<T, absl::CivilDay>) object["date"] = db::FormatDay(value);
          if constexpr (std::is_same_v<T, Money>) {
            object["currency_code"] = value.currency_code;
            object["minor_units"] = value.minor_units;
          }
        },
        attribute.value);
    details["attributes"].push_back(std::move(object));
  }
  return details.dump();
}

void ReadDetails(const std::string& text, Customer& customer) {
  if (text.size() <= 2) return;  // "{}": most rows.
  const Json details = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!details.is_object()) return;
  customer.tags = details.value("tags", std::vector<std::string>());
  for (const Json& object : details.value("addresses", Json::array())) {
    customer.addresses.push_back({static_cast<AddressKind>(object.value("kind", 0)),
                                  object.value("country", ""), object.value("province", ""),
                                  object.value("city", ""), object.value("district", ""),
                                  object.value("street", ""), object.value("postal_code", "")});
  }
  for (const Json& object : details.value("attributes", Json::array())) {
    Attribute attribute{object.value("key", ""), false};
    if (object.contains("text")) {
      attribute.value = object.value("text", "");
    } else if (object.contains("number")) {
      attribute.value = object.value("number", int64_t{0});
    } else if (object.contains("flag")) {
      attribute.value = object.value("flag", false);
    } else if (object.contains("date")) {
      attribute.value = db::ParseDay(object.value("date", "")).value_or(absl::CivilDay());
    } else if (object.contains("minor_units")) {
      attribute.value =
          Money{object.value("currency_code", ""), object.value("minor_units", int64_t{0})};
    } else {
      continue;
    }
    customer.attributes.push_back(std::move(attribute));
  }
}

}  // namespace milepost::customer
