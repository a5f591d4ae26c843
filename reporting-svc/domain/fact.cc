#include "reporting-svc/domain/fact.h"

#include "reporting-svc/domain/packed.h"

namespace milepost::reporting {
namespace {

std::array<std::string Fact::*, 7> Texts() {
  return {&Fact::member,  &Fact::product, &Fact::source,  &Fact::region,
          &Fact::channel, &Fact::sub,     &Fact::currency};
}

}  // namespace

size_t ValueCount(Group group) {
  switch (group) {
    case Group::kOpened:
    case Group::kClosed:
    case Group::kOrder:
      return 4;
    case Group::kStage:
      return 7;
    case Group::kCollection:
    case Group::kInteraction:
      return 2;
    case Group::kCycle:
    case Group::kCustomer:
      return 1;
  }
  return kValueCount;
}

const std::string& Fact::key(Dim dim) const {
  static const std::string kEmpty;
  switch (dim) {
    case Dim::kNone:
      return kEmpty;
    case Dim::kProduct:
      return product;
    case Dim::kSource:
      return source;
    case Dim::kRegion:
      return region;
    case Dim::kChannel:
      return channel;
  }
  return kEmpty;
}

Fact Fact::operator-() const {
  Fact opposite = *this;
  for (int64_t& value : opposite.values) value = -value;
  return opposite;
}

// Facts of a record are much alike: of each only those texts are kept that differ from the one
// before, and which ones these are.
std::string PackFacts(const std::vector<Fact>& facts) {
  PackedWriter packed;
  Fact before;
  for (const Fact& fact : facts) {
    packed.Number(static_cast<int>(fact.group));
    packed.Number(DayNumber(fact.day));
    int64_t differ = 0;
    for (size_t i = 0; i < Texts().size(); ++i) {
      if (fact.*Texts()[i] != before.*Texts()[i]) differ |= int64_t{1} << i;
    }
    packed.Number(differ);
    for (size_t i = 0; i < Texts().size(); ++i) {
      if ((differ >> i & 1) != 0) packed.Text(fact.*Texts()[i]);
    }
    for (size_t i = 0; i < ValueCount(fact.group); ++i) packed.Number(fact.values[i]);
    before = fact;
  }
  return packed.Take();
}

bool UnpackFacts(std::string_view packed, std::vector<Fact>& facts) {
  PackedReader reader(packed);
  Fact fact;
  facts.clear();
  while (reader.ok() && !reader.AtEnd()) {
    fact.group = static_cast<Group>(reader.Number());
    fact.day = DayOf(reader.Number());
    const int64_t differ = reader.Number();
    for (size_t i = 0; i < Texts().size(); ++i) {
      if ((differ >> i & 1) != 0) fact.*Texts()[i] = std::string(reader.Text());
    }
    fact.values = {};
    for (size_t i = 0; i < ValueCount(fact.group); ++i) fact.values[i] = reader.Number();
    facts.push_back(fact);
  }
  return reader.ok();
}

bool IsZero(const Values& values) {
  for (const int64_t value : values) {
    if (value != 0) return false;
  }
  return true;
}

}  // namespace milepost::reporting
