#include "platform/access/masking.h"

#include <gtest/gtest.h>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/text_format.h"
#include "milepost/access/v1/access.pb.h"

namespace milepost::access {
namespace {

struct TextCase {
  const char* text;
  const char* masked;
};

class MaskTextTest : public testing::TestWithParam<TextCase> {};

TEST_P(MaskTextTest, Masks) { EXPECT_EQ(MaskText(GetParam().text), GetParam().masked); }

INSTANTIATE_TEST_SUITE_P(
    All, MaskTextTest,
    testing::Values(TextCase{"", ""}, TextCase{"13812345678", "138****5678"},
                    TextCase{"+8613812345678", "+86138****5678"},
                    TextCase{"138 1234 5678", "138 **** 5678"},
                    TextCase{"0571-88123456", "0571-****3456"}, TextCase{"8812345", "****345"},
                    TextCase{"(010) 6512-3456", "(010) ****-3456"}, TextCase{"12345", "1***"},
                    TextCase{"zhang@example.com", "z***@example.com"},
                    TextCase{"张三@例子.cn", "张***@例子.cn"}, TextCase{"@x", "@***"},
                    TextCase{"张三", "张***"}, TextCase{"110101199003071234", "1***"},
                    TextCase{"11010119900307123X", "1***"}, TextCase{"110101900307123", "1***"},
                    TextCase{"13812345678 转 12", "1***"}, TextCase{"🙂x", "🙂***"}));

// A message with marks at every place a mark can stand.
class MaskPersonalTest : public testing::Test {
 protected:
  MaskPersonalTest() : pool_(google::protobuf::DescriptorPool::generated_pool()) {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"pb(
          name: "mask_test.proto"
          package: "mask_test"
          syntax: "proto3"
          dependency: "milepost/access/v1/access.proto"
          message_type {
            name: "Person"
            field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
            field {
              name: "phone"
              number: 2
              type: TYPE_STRING
              label: LABEL_OPTIONAL
              options {
                [milepost.access.v1.personal]: true
              }
            }
            field {
              name: "emails"
              number: 3
              type: TYPE_STRING
              label: LABEL_REPEATED
              options {
                [milepost.access.v1.personal]: true
              }
            }
            field {
              name: "photo"
              number: 4
              type: TYPE_BYTES
              label: LABEL_OPTIONAL
              options {
                [milepost.access.v1.personal]: true
              }
            }
            field {
              name: "age"
              number: 5
              type: TYPE_INT64
              label: LABEL_OPTIONAL
              options {
                [milepost.access.v1.personal]: true
              }
            }
            field {
              name: "friends"
              number: 6
              type: TYPE_MESSAGE
              type_name: ".mask_test.Person"
              label: LABEL_REPEATED
            }
            field {
              name: "plain"
              number: 7
              type: TYPE_MESSAGE
              type_name: ".mask_test.Plain"
              label: LABEL_OPTIONAL
            }
            field {
              name: "by_role"
              number: 8
              type: TYPE_MESSAGE
              type_name: ".mask_test.Person.ByRoleEntry"
              label: LABEL_REPEATED
            }
            nested_type {
              name: "ByRoleEntry"
              options { map_entry: true }
              field { name: "key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
              field {
                name: "value"
                number: 2
                type: TYPE_MESSAGE
                type_name: ".mask_test.Person"
                label: LABEL_OPTIONAL
              }
            }
          }
          message_type {
            name: "Plain"
            field { name: "phone" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
          })pb",
        &file));
    person_ = pool_.BuildFile(file)->FindMessageTypeByName("Person");
  }

  std::string Masked(const std::string& text) {
    std::unique_ptr<google::protobuf::Message> message(factory_.GetPrototype(person_)->New());
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, message.get()));
    MaskPersonal(*message);
    google::protobuf::TextFormat::Printer printer;
    printer.SetSingleLineMode(true);
    printer.SetUseUtf8StringEscaping(true);
    std::string out;
    printer.PrintToString(*message, &out);
    return out;
  }

  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
  const google::protobuf::Descriptor* person_ = nullptr;
};

TEST_F(MaskPersonalTest, MasksMarkedFieldsOnly) {
  EXPECT_EQ(Masked("name: '张三' phone: '13812345678' plain { phone: '13812345678' }"),
            "name: \"张三\" phone: \"138****5678\" plain { phone: \"13812345678\" } ");
}

TEST_F(MaskPersonalTest, MasksRepeatedAndClearsOtherTypes) {
  EXPECT_EQ(Masked("emails: 'a@b.cn' emails: 'c@d.cn' photo: 'xyz' age: 40"),
            "emails: \"a***@b.cn\" emails: \"c***@d.cn\" ");
}

TEST_F(MaskPersonalTest, DescendsIntoMessagesListsAndMaps) {
  EXPECT_EQ(Masked("friends { friends { phone: '13812345678' } }"
                   " by_role { key: 'boss' value { phone: '13887654321' } }"),
            "friends { friends { phone: \"138****5678\" } }"
            " by_role { key: \"boss\" value { phone: \"138****4321\" } } ");
}

TEST_F(MaskPersonalTest, OwnerIsATextFieldOfThatName) {
  google::protobuf::FileDescriptorProto file;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(name: "owner_test.proto"
           package: "owner_test"
           syntax: "proto3"
           message_type {
             name: "Owned"
             field { name: "owner" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
           }
           message_type {
             name: "Odd"
             field { name: "owner" number: 1 type: TYPE_INT64 label: LABEL_OPTIONAL }
           })pb",
      &file));
  const google::protobuf::FileDescriptor* built = pool_.BuildFile(file);
  const auto owner_of = [&](const google::protobuf::Descriptor* type, const std::string& text) {
    const std::unique_ptr<google::protobuf::Message> message(factory_.GetPrototype(type)->New());
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, message.get()));
    return OwnerOf(*message);
  };
  EXPECT_EQ(owner_of(built->message_type(0), "owner: 'members/mei'"), "members/mei");
  EXPECT_EQ(owner_of(built->message_type(1), "owner: 7"), "");
  EXPECT_EQ(owner_of(person_, "name: 'x'"), "");
}

TEST_F(MaskPersonalTest, LeavesEmptyAlone) { EXPECT_EQ(Masked(""), ""); }

}  // namespace
}  // namespace milepost::access
