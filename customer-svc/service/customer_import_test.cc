#include <set>

#include "customer-svc/service/testing_customers.h"

namespace milepost::customer {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::IsOk;
using testing::NamesField;
using ::testing::UnorderedElementsAre;

class CustomerImportTest : public CustomerTest {
 protected:
  static v1::ImportCustomersRow& Add(v1::ImportCustomersRequest& batch, const std::string& id,
                                     const std::string& display_name,
                                     const std::string& owner = "") {
    v1::ImportCustomersRow& row = *batch.add_rows();
    row.set_line(batch.rows_size() + 1);
    row.mutable_customer()->set_name("customers/" + id);
    row.mutable_customer()->set_kind(v1::COMPANY);
    row.mutable_customer()->set_display_name(display_name);
    if (!owner.empty()) row.mutable_customer()->set_owner("members/" + owner);
    return row;
  }
  absl::StatusOr<std::vector<v1::ImportCustomersResponse>> Import(
      const Who& who, const std::vector<v1::ImportCustomersRequest>& batches) {
    const auto context = host_.Call(who.member, who.roles);
    const auto stream = customers_->ImportCustomers(context.get());
    for (const auto& batch : batches) stream->Write(batch);
    stream->WritesDone();
    std::vector<v1::ImportCustomersResponse> answers;
    for (v1::ImportCustomersResponse answer; stream->Read(&answer);) answers.push_back(answer);
    if (const grpc::Status status = stream->Finish(); !status.ok())
      return rpc::FromGrpcStatus(status);
    return answers;
  }
  static std::vector<v1::ImportOutcome> Outcomes(const v1::ImportCustomersResponse& answer) {
    std::vector<v1::ImportOutcome> outcomes;
    for (const auto& result : answer.results()) outcomes.push_back(result.outcome());
    return outcomes;
  }
};

TEST_F(CustomerImportTest, GoodRowsAreWrittenAndBadOnesNamed) {
  v1::ImportCustomersRequest batch;
  Add(batch, "good", "好的", "anna");
  Add(batch, "bad", "", "nobody").mutable_customer()->set_phone("x");
  Add(batch, "good", "同名", "anna");
  Add(batch, "child", "子公司").mutable_customer()->set_parent("customers/good");
  Add(batch, "orphan", "孤儿").mutable_customer()->set_parent("customers/bad");
  Add(batch, "orphan-child", "孤儿之子").mutable_customer()->set_parent("customers/orphan");
  const auto answers = Import(admin_, {batch});
  ASSERT_THAT(answers, IsOk());
  ASSERT_EQ(answers->size(), 1u);
  const v1::ImportCustomersResponse& answer = answers->front();
  EXPECT_THAT(Outcomes(answer), ElementsAre(v1::CREATED, v1::REFUSED, v1::REFUSED, v1::CREATED,
                                            v1::REFUSED, v1::REFUSED));
  std::vector<std::string> fields;
  for (const auto& problem : answer.results(1).problems()) fields.push_back(problem.field());
  EXPECT_THAT(fields, UnorderedElementsAre("display_name", "phone", "owner"));
  EXPECT_EQ(answer.results(1).line(), 3);
  EXPECT_EQ(answer.results(4).problems(0).field(), "parent");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers"), 2);

  // After mending, the whole file again: what was good stays as it is.
  v1::ImportCustomersRequest mended;
  Add(mended, "good", "好的", "anna");
  Add(mended, "bad", "修好了", "bert").mutable_customer()->set_phone("13812345678");
  EXPECT_THAT(Outcomes(Import(admin_, {mended})->front()), ElementsAre(v1::UNCHANGED, v1::CREATED));
  Add(mended, "good-2", "再来一个");
  mended.mutable_rows(0)->mutable_customer()->set_region("华东");
  EXPECT_THAT(Outcomes(Import(admin_, {mended})->front()),
              ElementsAre(v1::UPDATED, v1::UNCHANGED, v1::CREATED));
  EXPECT_EQ(Get(admin_, "good")->version(), 2);
  EXPECT_EQ(Get(admin_, "bad")->version(), 1);
}

TEST_F(CustomerImportTest, AnImportDoesNotUndoATransfer) {
  v1::ImportCustomersRequest batch;
  Add(batch, "yunfan", "云帆", "anna");
  ASSERT_THAT(Import(admin_, {batch}), IsOk());
  ASSERT_THAT(Transfer(anna_, "yunfan", "bert"), IsOk());
  EXPECT_THAT(Outcomes(Import(admin_, {batch})->front()), ElementsAre(v1::UNCHANGED));
  EXPECT_EQ(Get(admin_, "yunfan")->owner(), "members/bert");
}

TEST_F(CustomerImportTest, ImportKeepsToTheScope) {
  Made("hidden", "东边的", "eve");
  Made("pooled", "公海的", "");
  v1::ImportCustomersRequest batch;
  Add(batch, "hidden", "抢过来");
  Add(batch, "pooled", "改名");
  Add(batch, "foreign", "给东边", "eve");
  Add(batch, "mine", "给西边", "bert");
  const auto answers = Import(mia_, {batch});
  ASSERT_THAT(answers, IsOk());
  EXPECT_THAT(Outcomes(answers->front()),
              ElementsAre(v1::REFUSED, v1::REFUSED, v1::REFUSED, v1::CREATED));
  EXPECT_EQ(Get(admin_, "hidden")->display_name(), "东边的");
  EXPECT_THAT(Import(anna_, {batch}).status().code(), StatusCode::kPermissionDenied);

  v1::ImportCustomersRequest masked;
  Add(masked, "mine", "给西边", "bert").mutable_customer()->set_phone("13812345678");
  EXPECT_THAT(Outcomes(Import(marketing_, {masked})->front()), ElementsAre(v1::REFUSED));
}

TEST_F(CustomerImportTest, ManyBatchesOnOneStream) {
  std::vector<v1::ImportCustomersRequest> batches(3);
  for (int i = 0; i < 900; ++i)
    Add(batches[static_cast<size_t>(i / 300)], absl::StrCat("c-", i),
        absl::StrCat("第", i, "号有限公司"), "anna");
  const auto answers = Import(admin_, batches);
  ASSERT_THAT(answers, IsOk());
  EXPECT_EQ(answers->size(), 3u);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM customers"), 900);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes"), 900);
  EXPECT_THAT(Search(admin_, "第 777 号"), ElementsAre("c-777"));
}

TEST_F(CustomerImportTest, ABatchHasOneToFiveHundredRows) {
  EXPECT_THAT(Import(admin_, {v1::ImportCustomersRequest()}).status(), NamesField("rows"));
  v1::ImportCustomersRequest batch;
  for (int i = 0; i < 501; ++i) Add(batch, absl::StrCat("c-", i), "x");
  EXPECT_THAT(Import(admin_, {batch}).status(), NamesField("rows"));
}

TEST_F(CustomerImportTest, ExportShowsTheScopeMaskedAndIsRecorded) {
  v1::ImportCustomersRequest batch;
  for (int i = 0; i < 450; ++i) {
    Add(batch, absl::StrCat("c-", i), absl::StrCat("客户", i), i % 2 == 0 ? "anna" : "eve")
        .mutable_customer()
        ->set_phone("13812345678");
  }
  v1::ImportCustomersRequest more;
  for (int i = 450; i < 900; ++i)
    Add(more, absl::StrCat("c-", i), absl::StrCat("客户", i), i % 2 == 0 ? "anna" : "eve");
  ASSERT_THAT(Import(admin_, {batch, more}), IsOk());
  const auto run = [&](const Who& who,
                       const std::string& purpose) -> absl::StatusOr<std::vector<v1::Customer>> {
    v1::ExportCustomersRequest request;
    request.set_purpose(purpose);
    const auto context = host_.Call(who.member, who.roles);
    const auto reader = customers_->ExportCustomers(context.get(), request);
    std::vector<v1::Customer> rows;
    for (v1::ExportCustomersResponse page; reader->Read(&page);)
      rows.insert(rows.end(), page.customers().begin(), page.customers().end());
    if (const grpc::Status status = reader->Finish(); !status.ok())
      return rpc::FromGrpcStatus(status);
    return rows;
  };
  EXPECT_THAT(run(mia_, "").status(), NamesField("purpose"));
  EXPECT_THAT(run(anna_, "自用").status().code(), StatusCode::kPermissionDenied);
  const auto of_mia = run(mia_, "季度盘点");
  ASSERT_THAT(of_mia, IsOk());
  EXPECT_EQ(of_mia->size(), 450u);
  EXPECT_EQ(of_mia->front().phone(), "13812345678");
  const auto of_ada = run(analyst_, "分析");
  ASSERT_THAT(of_ada, IsOk());
  std::set<std::string> names;
  for (const v1::Customer& customer : *of_ada) names.insert(customer.name());
  EXPECT_EQ(names.size(), 900u);
  EXPECT_EQ(of_ada->front().phone(), "138****5678");
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes WHERE event_type = 'customer_export.started'"), 2);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes WHERE event_type = 'customer_export.finished'"), 2);
}

}  // namespace
}  // namespace milepost::customer
