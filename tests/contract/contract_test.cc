// Every proto under protos/ keeps the rules, and nothing that clients rely on has gone.
#include <gmock/gmock.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "milepost/access/v1/access.pb.h"
#include "tests/contract/rules.h"

namespace milepost::contract {
namespace {

using google::protobuf::FileDescriptor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kProtoRoot[] = MILEPOST_PROTO_ROOT;
constexpr char kGoogleRoot[] = MILEPOST_GOOGLE_PROTO_ROOT;
constexpr char kGoogleRpcRoot[] = MILEPOST_GOOGLE_RPC_PROTO_ROOT;
constexpr char kBaseline[] = MILEPOST_CONTRACT_BASELINE;

// Files on disk, and texts of a test before them.
class Tree : public google::protobuf::compiler::DiskSourceTree {
 public:
  Tree() {
    MapPath("", kProtoRoot);
    MapPath("", kGoogleRoot);
    MapPath("", kGoogleRpcRoot);
  }
  void Add(const std::string& name, const std::string& text) { texts_[name] = text; }
  google::protobuf::io::ZeroCopyInputStream* Open(const std::string& name) override {
    const auto text = texts_.find(name);
    if (text == texts_.end()) return DiskSourceTree::Open(name);
    return new google::protobuf::io::ArrayInputStream(text->second.data(),
                                                      static_cast<int>(text->second.size()));
  }

 private:
  std::map<std::string, std::string> texts_;
};

class Errors : public google::protobuf::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int, const std::string& message) override {
    ADD_FAILURE() << file << ":" << line + 1 << ": " << message;
  }
};

// Parsed with comments.
class Protos {
 public:
  const FileDescriptor* File(const std::string& name) { return importer_.Import(name); }
  Tree& tree() { return tree_; }

  // Every file of the suite, by name.
  std::vector<const FileDescriptor*> All() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kProtoRoot)) {
      if (entry.path().extension() != ".proto") continue;
      names.push_back(std::filesystem::relative(entry.path(), kProtoRoot).string());
    }
    std::sort(names.begin(), names.end());
    std::vector<const FileDescriptor*> files;
    for (const std::string& name : names) {
      const FileDescriptor* file = File(name);
      EXPECT_NE(file, nullptr) << name;
      if (file != nullptr) files.push_back(file);
    }
    return files;
  }

 private:
  Tree tree_;
  Errors errors_;
  google::protobuf::compiler::Importer importer_{&tree_, &errors_};
};

class ContractTest : public ::testing::Test {
 protected:
  ContractTest() { access::v1::MethodAccess::descriptor(); }  // Keeps the option linked in.

  void ExpectNone(Faults (*check)(const FileDescriptor&)) {
    const std::vector<const FileDescriptor*> files = protos_.All();
    ASSERT_FALSE(files.empty());
    for (const FileDescriptor* file : files) {
      const Faults faults = check(*file);
      EXPECT_THAT(faults, IsEmpty()) << absl::StrJoin(faults, "\n");
    }
  }

  static std::vector<std::string> ReadBaseline() {
    std::ifstream in(kBaseline);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
      if (!line.empty() && line[0] != '#') lines.push_back(line);
    }
    return lines;
  }

  // A proto made for one test.
  const FileDescriptor& Make(const std::string& body) {
    protos_.tree().Add("milepost/bad/v1/bad.proto",
                       absl::StrCat("syntax = \"proto3\";\npackage milepost.bad.v1;\n"
                                    "import \"milepost/access/v1/access.proto\";\n"
                                    "import \"google/protobuf/timestamp.proto\";\n",
                                    body));
    return *protos_.File("milepost/bad/v1/bad.proto");
  }

  Protos protos_;
};

TEST_F(ContractTest, EveryRpcDeclaresWhoMayCall) { ExpectNone(CheckAccess); }
TEST_F(ContractTest, EveryMutationTakesARequestId) { ExpectNone(CheckRequestIds); }
TEST_F(ContractTest, EveryListPages) { ExpectNone(CheckPaging); }
TEST_F(ContractTest, EveryElementIsCommented) { ExpectNone(CheckComments); }
TEST_F(ContractTest, NamesFollowTheHouse) { ExpectNone(CheckStyle); }

TEST_F(ContractTest, EveryRpcHasARequestOfItsOwn) {
  const Faults faults = CheckRequestTypes(protos_.All());
  EXPECT_THAT(faults, IsEmpty()) << absl::StrJoin(faults, "\n");
}

// The command that rewrites the baseline, after looking at what changes:
//   MILEPOST_UPDATE_BASELINE=1 build/dev/test/contract_test
TEST_F(ContractTest, NothingThatClientsRelyOnHasGone) {
  const std::vector<const FileDescriptor*> files = protos_.All();
  std::vector<std::string> now;
  for (const FileDescriptor* file : files) {
    const std::vector<std::string> lines = WireContract(*file);
    now.insert(now.end(), lines.begin(), lines.end());
  }
  std::sort(now.begin(), now.end());
  if (std::getenv("MILEPOST_UPDATE_BASELINE") != nullptr) {
    std::ofstream out(kBaseline);
    out << "# What clients rely on: every field, enum value and RPC. Rewritten by\n"
           "# MILEPOST_UPDATE_BASELINE=1 build/dev/test/contract_test\n"
        << absl::StrJoin(now, "\n") << "\n";
    std::cout << "rewrote " << kBaseline << ": look at git diff\n";
    return;
  }
  const std::vector<std::string> baseline = ReadBaseline();
  ASSERT_FALSE(baseline.empty()) << "no baseline in " << kBaseline;
  const Faults faults = CheckBaseline(baseline, files);
  EXPECT_THAT(faults, IsEmpty()) << absl::StrJoin(faults, "\n")
                                 << "\nv1 never breaks: reserve the number and the name";
  std::vector<std::string> fresh;
  std::set_difference(now.begin(), now.end(), baseline.begin(), baseline.end(),
                      std::back_inserter(fresh));
  EXPECT_THAT(fresh, IsEmpty()) << "new, and not yet in the baseline; add it with\n"
                                   "  MILEPOST_UPDATE_BASELINE=1 build/dev/test/contract_test";
}

// The checks themselves find what they are for.

TEST_F(ContractTest, CheckAccessFindsForgottenRules) {
  EXPECT_THAT(CheckAccess(Make(R"(
    message M {}
    service S {
      rpc A(M) returns (M);
      rpc B(M) returns (M) { option (milepost.access.v1.access) = {any_role: true}; }
    })")),
              ElementsAre(HasSubstr("milepost.bad.v1.S.A")));
}

TEST_F(ContractTest, CheckRequestIdsFindsUnrepeatableWrites) {
  EXPECT_THAT(CheckRequestIds(Make(R"(
    message M {}
    message R { string request_id = 1; }
    service S {
      rpc Win(M) returns (M) { option (milepost.access.v1.access) = {any_role: true, mutates: true}; }
      rpc Lose(R) returns (M) { option (milepost.access.v1.access) = {any_role: true, mutates: true}; }
      rpc CreateM(R) returns (M) { option (milepost.access.v1.access) = {any_role: true}; }
    })")),
              ElementsAre(HasSubstr("S.Win"), HasSubstr("S.CreateM")));
}

TEST_F(ContractTest, CheckPagingFindsEndlessLists) {
  EXPECT_EQ(CheckPaging(Make(R"(
    message ListMsRequest { int64 page_size = 1; string page_token = 2; }
    message ListMsResponse {}
    service S { rpc ListMs(ListMsRequest) returns (ListMsResponse); })"))
                .size(),
            2u);
}

TEST_F(ContractTest, CheckCommentsFindsSilence) {
  EXPECT_THAT(CheckComments(Make(R"(
    // A message.
    message M {
      // Optional. Fine.
      string a = 1;
      // No behaviour.
      string b = 2;
      string c = 3;  // Optional. Fine too.
      string d = 4;
    }
    // An answer.
    message MResponse {
      // Anything.
      string a = 1;
    }
    enum E {
      // Fine.
      E_UNSPECIFIED = 0;
      ONE = 1;
    })")),
              UnorderedElementsAre(HasSubstr("M.b"), HasSubstr("M.d"),
                                   HasSubstr("milepost.bad.v1.E:"), HasSubstr("ONE")));
}

TEST_F(ContractTest, CheckStyleFindsOtherHabits) {
  EXPECT_THAT(
      CheckStyle(Make(R"(
    message M { double rate = 1; string badName = 2; google.protobuf.Timestamp created = 3; }
    enum E { ZERO = 0; }
    service Thing {
      rpc Get(M) returns (M);
      rpc get_more(M) returns (M);
    })")),
      UnorderedElementsAre(HasSubstr("M.rate"), HasSubstr("M.badName"), HasSubstr("M.created"),
                           HasSubstr("v1.E:"), HasSubstr("Thing:"), HasSubstr("GetRequest"),
                           HasSubstr("PascalCase"), HasSubstr("get_moreRequest")));
}

TEST_F(ContractTest, CheckRequestTypesFindsSharedOnes) {
  EXPECT_THAT(
      CheckRequestTypes({&Make(R"(
    message M {}
    message N {}
    service S {
      rpc Get(M) returns (M);
      rpc List(N) returns (M);
      rpc Watch(M) returns (stream M);
    })")}),
      ElementsAre("milepost.bad.v1.S.Watch: shares its request with milepost.bad.v1.S.Get"));
}

TEST_F(ContractTest, CheckBaselineFindsBreaks) {
  const FileDescriptor& file = Make(R"(
    message M { reserved 3; reserved "gone"; string a = 1; int64 b = 2; repeated string e = 5; }
    enum E { reserved 2; reserved "OLD"; E_UNSPECIFIED = 0; ONE = 1; })");
  EXPECT_THAT(
      CheckBaseline(
          {"field milepost.bad.v1.M 1 a string", "field milepost.bad.v1.M 2 b string",
           "field milepost.bad.v1.M 3 gone string", "field milepost.bad.v1.M 3 lost string",
           "field milepost.bad.v1.M 4 d string", "field milepost.bad.v1.M 5 e repeated string",
           "field milepost.bad.v1.N 1 a string", "value milepost.bad.v1.E 1 ONE",
           "value milepost.bad.v1.E 2 OLD", "value milepost.bad.v1.E 3 TWO",
           "rpc milepost.bad.v1.S.A (milepost.bad.v1.M) returns"
           " (milepost.bad.v1.M)"},
          {&file}),
      ElementsAre(HasSubstr(" 2 b "), HasSubstr(" lost "), HasSubstr(" 4 d "), HasSubstr(".N "),
                  HasSubstr("TWO"), HasSubstr("rpc ")));
}

}  // namespace
}  // namespace milepost::contract
