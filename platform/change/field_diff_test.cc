#include "platform/change/field_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/protobuf/struct.pb.h"
#include "milepost/change/v1/change.pb.h"
#include "milepost/feed/v1/feed.pb.h"

namespace milepost::change {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Diff(const google::protobuf::Message* before,
                              const google::protobuf::Message* after) {
  std::vector<std::string> lines;
  for (const FieldDifference& one : DiffFields(before, after)) {
    lines.push_back(one.path + ": " + one.before + " -> " + one.after);
  }
  return lines;
}

TEST(FieldDiffTest, NothingDiffers) {
  v1::Change change;
  change.set_record("things/a");
  EXPECT_THAT(Diff(&change, &change), IsEmpty());
  EXPECT_THAT(Diff(nullptr, nullptr), IsEmpty());
}

TEST(FieldDiffTest, ScalarsTimesAndLists) {
  v1::Change before;
  before.set_version(1);
  before.set_actor("mei");
  before.add_fields()->set_path("a");
  v1::Change after;
  after.set_version(2);
  after.mutable_change_time()->set_seconds(1514764800);
  after.add_fields()->set_path("b");
  after.add_fields()->set_path("c");
  EXPECT_THAT(Diff(&before, &after),
              ElementsAre("version: 1 -> 2", "change_time:  -> 2018-01-01T00:00:00Z",
                          "actor: mei -> ", "fields[0].path: a -> b", "fields[1].path:  -> c"));
}

TEST(FieldDiffTest, CreationAndDeletion) {
  v1::Change change;
  change.set_record("things/a");
  EXPECT_THAT(Diff(nullptr, &change), ElementsAre("record:  -> things/a"));
  EXPECT_THAT(Diff(&change, nullptr), ElementsAre("record: things/a -> "));
}

TEST(FieldDiffTest, MapsByKey) {
  google::protobuf::Struct before;
  (*before.mutable_fields())["color"].set_string_value("red");
  (*before.mutable_fields())["size"].set_string_value("L");
  google::protobuf::Struct after;
  (*after.mutable_fields())["size"].set_string_value("XL");
  (*after.mutable_fields())["weight"].set_bool_value(true);
  EXPECT_THAT(Diff(&before, &after), ElementsAre("fields[color].string_value: red -> ",
                                                 "fields[size].string_value: L -> XL",
                                                 "fields[weight].bool_value:  -> true"));
}

}  // namespace
}  // namespace milepost::change
