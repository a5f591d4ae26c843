#include "opportunity-svc/service/order_lines.h"

#include "absl/strings/str_cat.h"
#include "opportunity-svc/domain/errors.h"
#include "opportunity-svc/domain/limits.h"
#include "opportunity-svc/store/records.h"
#include "platform/resource/name.h"

namespace milepost::opportunity {

std::vector<LineInput> ReadLines(
    const google::protobuf::RepeatedPtrField<v1::OrderLineInput>& lines, size_t min,
    Reader& reader) {
  std::vector<LineInput> read;
  if (reader.IsCountWrong("lines", lines.size(), min, kMaxLines)) return read;
  for (int i = 0; i < lines.size(); ++i) {
    const v1::OrderLineInput& from = lines[i];
    const std::string at = absl::StrCat("lines[", i, "].");
    LineInput input;
    input.line.product = reader.Name(kProducts, from.product(), at + "product", Need::kOptional);
    if (from.quantity() < 1 || from.quantity() > kMaxQuantity) {
      reader.Add(at + "quantity",
                 absl::StrCat(from.quantity(), " is not between 1 and ", kMaxQuantity));
    }
    input.line.quantity = from.quantity();
    const auto price = reader.Amount(from.has_unit_price(), from.unit_price(), 0, at + "unit_price",
                                     Need::kRequired);
    if (price) input.line.unit_price = price->minor_units;
    const auto cost = reader.Amount(from.has_unit_cost(), from.unit_cost(), 0, at + "unit_cost");
    if (cost) input.line.unit_cost = cost->minor_units;
    input.has_cost = from.has_unit_cost();
    read.push_back(std::move(input));
  }
  return read;
}

absl::StatusOr<std::vector<OrderLine>> PriceLines(db::Snapshot& snapshot, References& references,
                                                  const std::vector<LineInput>& lines,
                                                  const std::string& kept) {
  std::vector<std::string> ids;
  for (const LineInput& input : lines) ids.push_back(input.line.product);
  const auto products = references.Find<Product>(snapshot, ids);
  if (!products.ok()) return products.status();
  std::vector<OrderLine> priced;
  for (const LineInput& input : lines) {
    OrderLine line = input.line;
    if (!line.product.empty()) {
      const auto found = products->find(line.product);
      if (found == products->end())
        return error::ReferenceMissing(resource::Name(kProducts, line.product));
      if (found->second->archived && line.product != kept) {
        return error::ReferenceArchived(resource::Name(kProducts, line.product));
      }
      if (!input.has_cost && found->second->unit_cost)
        line.unit_cost = found->second->unit_cost->minor_units;
    }
    priced.push_back(std::move(line));
  }
  return priced;
}

}  // namespace milepost::opportunity
