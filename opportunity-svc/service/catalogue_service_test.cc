#include "opportunity-svc/service/catalogue_service.h"

#include "opportunity-svc/domain/limits.h"
#include "opportunity-svc/service/testing_world.h"

namespace milepost::opportunity {
namespace {

using ::testing::ElementsAre;
using testing::Fails;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;

class CatalogueServiceTest : public World {
 protected:
  absl::StatusOr<v1::ImportProductsResponse> Import(const v1::ImportProductsRequest& request) {
    auto context = As("ada");
    auto stream = products->ImportProducts(context.get());
    stream->Write(request);
    stream->WritesDone();
    v1::ImportProductsResponse response;
    stream->Read(&response);
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }
};

TEST_F(CatalogueServiceTest, SourcesLiveAndAreListed) {
  for (const char* id : {"b", "a", "c"}) MakeSource(id);
  v1::UpdateSourceRequest update;
  update.mutable_source()->set_name("sources/b");
  update.mutable_source()->set_archived(true);
  *update.mutable_source()->mutable_actual_spend() = Yuan(100);
  v1::Source source;
  auto rep = As("anna");
  EXPECT_EQ(sources->UpdateSource(rep.get(), update, &source).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  auto context = As("ada");
  ASSERT_THAT(sources->UpdateSource(context.get(), update, &source), IsOk());
  EXPECT_EQ(source.title(), "b");
  EXPECT_TRUE(source.archived());

  for (int size = 1; size <= 4; ++size) {
    v1::ListSourcesRequest list;
    list.set_include_archived(true);
    list.set_page_size(size);
    std::vector<std::string> seen;
    do {
      v1::ListSourcesResponse page;
      auto listing = As("anna");
      ASSERT_THAT(sources->ListSources(listing.get(), list, &page), IsOk());
      for (const auto& listed : page.sources()) seen.push_back(listed.name());
      list.set_page_token(page.next_page_token());
    } while (!list.page_token().empty());
    EXPECT_THAT(seen, ElementsAre("sources/a", "sources/b", "sources/c"));
  }
  v1::ListSourcesResponse active;
  auto listing = As("anna");
  ASSERT_THAT(sources->ListSources(listing.get(), {}, &active), IsOk());
  EXPECT_THAT(active.sources(), SizeIs(2));

  v1::GetSourceRequest get;
  get.set_name("sources/none");
  auto missing = As("anna");
  EXPECT_THAT(sources->GetSource(missing.get(), get, &source),
              Fails(absl::StatusCode::kNotFound, "NOT_FOUND"));
  get.set_name("products/a");
  auto wrong = As("anna");
  EXPECT_THAT(sources->GetSource(wrong.get(), get, &source), NamesField("name"));
  update.set_etag("v1");
  auto stale = As("ada");
  EXPECT_THAT(sources->UpdateSource(stale.get(), update, &source),
              Fails(absl::StatusCode::kAborted, "STALE_ETAG"));
  update.clear_etag();
  update.mutable_update_mask()->add_paths("etag");
  auto mask = As("ada");
  EXPECT_THAT(sources->UpdateSource(mask.get(), update, &source), NamesField("update_mask"));
}

TEST_F(CatalogueServiceTest, SourcesAreImported) {
  v1::ImportSourcesRequest request;
  for (const char* id : {"fair", "web"}) {
    auto& row = *request.add_rows();
    row.mutable_source()->set_name(std::string("sources/") + id);
    row.mutable_source()->set_title(id);
  }
  auto& bad = *request.add_rows();
  bad.set_line(3);
  bad.mutable_source()->set_name("web");
  for (const auto wanted : {v1::CREATED, v1::UNCHANGED}) {
    auto context = As("ada");
    auto stream = sources->ImportSources(context.get());
    stream->Write(request);
    stream->WritesDone();
    v1::ImportSourcesResponse response;
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_THAT(stream->Finish(), IsOk());
    EXPECT_EQ(response.results(0).outcome(), wanted);
    EXPECT_EQ(response.results(1).outcome(), wanted);
    EXPECT_EQ(response.results(2).outcome(), v1::REFUSED);
    EXPECT_EQ(response.results(2).line(), 3);
    EXPECT_THAT(response.results(2).violations(), SizeIs(2));
  }
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes"), 2);
}

TEST_F(CatalogueServiceTest, ProductsBelongToLines) {
  v1::CreateProductRequest create;
  create.set_product_id("gtx");
  create.mutable_product()->set_title("GTX 基础版");
  create.mutable_product()->set_product_line("productLines/gtx");
  v1::Product product;
  auto early = As("ada");
  EXPECT_THAT(products->CreateProduct(early.get(), create, &product),
              Fails(absl::StatusCode::kFailedPrecondition, "REFERENCE_MISSING"));
  v1::CreateProductLineRequest line;
  line.set_product_line_id("gtx");
  line.mutable_product_line()->set_title("GTX 系列");
  v1::ProductLine made;
  auto lining = As("ada");
  ASSERT_THAT(products->CreateProductLine(lining.get(), line, &made), IsOk());
  auto context = As("ada");
  ASSERT_THAT(products->CreateProduct(context.get(), create, &product), IsOk());
  v1::ListProductsRequest list;
  list.set_product_line("productLines/gtx");
  v1::ListProductsResponse page;
  auto listing = As("anna");
  ASSERT_THAT(products->ListProducts(listing.get(), list, &page), IsOk());
  EXPECT_THAT(page.products(), SizeIs(1));

  v1::UpdateProductLineRequest update;
  update.mutable_product_line()->set_name("productLines/gtx");
  update.mutable_product_line()->set_archived(true);
  auto archiving = As("ada");
  ASSERT_THAT(products->UpdateProductLine(archiving.get(), update, &made), IsOk());
  create.set_product_id("gtx-2");
  auto archived = As("ada");
  EXPECT_THAT(products->CreateProduct(archived.get(), create, &product),
              Fails(absl::StatusCode::kFailedPrecondition, "REFERENCE_ARCHIVED"));
  v1::ListProductLinesResponse lines;
  auto lines_context = As("anna");
  ASSERT_THAT(products->ListProductLines(lines_context.get(), {}, &lines), IsOk());
  EXPECT_THAT(lines.product_lines(), IsEmpty());
}

TEST_F(CatalogueServiceTest, ProductsAreImportedWithTheirLines) {
  v1::ImportProductsRequest request;
  const auto add = [&](const std::string& id, const std::string& line,
                       const std::string& line_title) {
    auto& row = *request.add_rows();
    row.set_line(request.rows_size() + 1);
    row.mutable_product()->set_name("products/" + id);
    row.mutable_product()->set_title(id);
    row.mutable_product()->set_product_line(line);
    row.set_product_line_title(line_title);
    *row.mutable_product()->mutable_list_price() = Yuan(550'00);
  };
  add("gtx-basic", "productLines/gtx", "GTX");
  add("gtx-pro", "productLines/gtx", "GTX");
  add("mg", "productLines/none", "");
  add("mg", "", "MG");
  auto first = Import(request);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->results(0).outcome(), v1::CREATED);
  EXPECT_EQ(first->results(1).outcome(), v1::CREATED);
  EXPECT_EQ(first->results(2).outcome(), v1::REFUSED);
  EXPECT_EQ(first->results(3).outcome(), v1::REFUSED);
  EXPECT_THAT(first->results(3).violations(), SizeIs(2));
  const int64_t changes = Count("SELECT COUNT(*) FROM changes");
  *request.mutable_rows(0)->mutable_product()->mutable_list_price() = Yuan(600'00);
  auto second = Import(request);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->results(0).outcome(), v1::UPDATED);
  EXPECT_EQ(second->results(1).outcome(), v1::UNCHANGED);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM changes"), changes + 1);
}

TEST_F(CatalogueServiceTest, ProcessesAreCheckedWhole) {
  v1::CreateProcessRequest request;
  request.mutable_process()->set_title("p");
  v1::Process process;
  auto empty = As("ada");
  EXPECT_THAT(processes->CreateProcess(empty.get(), request, &process),
              NamesField("process.stages"));
  auto& stage = *request.mutable_process()->add_stages();
  stage.set_stage_id("first");
  stage.set_title("一");
  auto& twin = *request.mutable_process()->add_stages();
  twin.set_stage_id("first");
  twin.set_expected_days(-1);
  twin.set_win_probability_ppm(1'000'001);
  twin.add_required_fields(static_cast<v1::OpportunityField>(99));
  twin.add_required_fields(v1::AMOUNT);
  twin.add_required_fields(v1::AMOUNT);
  twin.add_required_roles("Legal");
  twin.add_milestones()->set_milestone_id("m");
  twin.add_typical_risks()->set_title("r");
  auto bad = As("ada");
  const grpc::Status status = processes->CreateProcess(bad.get(), request, &process);
  for (const char* field :
       {"process.stages[1].stage_id", "process.stages[1].title", "process.stages[1].expected_days",
        "process.stages[1].win_probability_ppm", "process.stages[1].required_fields[0]",
        "process.stages[1].required_fields[2]", "process.stages[1].required_roles[0]",
        "process.stages[1].milestones[0].title",
        "process.stages[1].typical_risks[0].countermeasure"}) {
    EXPECT_THAT(status, NamesField(field));
  }
  MakeStandard();
  v1::UpdateProcessRequest update;
  update.mutable_process()->set_name("processes/standard");
  update.mutable_process()->set_title("新名字");
  auto context = As("ada");
  ASSERT_THAT(processes->UpdateProcess(context.get(), update, &process), IsOk());
  EXPECT_EQ(process.title(), "新名字");
  EXPECT_THAT(process.stages(), SizeIs(3));
  update.mutable_update_mask()->add_paths("stages");
  auto mask = As("ada");
  EXPECT_THAT(processes->UpdateProcess(mask.get(), update, &process), NamesField("update_mask"));
  v1::ListProcessesResponse page;
  auto listing = As("anna");
  ASSERT_THAT(processes->ListProcesses(listing.get(), {}, &page), IsOk());
  EXPECT_THAT(page.processes(), SizeIs(1));
}

TEST_F(CatalogueServiceTest, RequestIdsRepeat) {
  v1::CreateSourceRequest request;
  request.mutable_source()->set_title("展会");
  request.set_request_id("123e4567-e89b-12d3-a456-426614174000");
  v1::Source first, second;
  auto context = As("ada");
  ASSERT_THAT(sources->CreateSource(context.get(), request, &first), IsOk());
  auto again = As("ada");
  ASSERT_THAT(sources->CreateSource(again.get(), request, &second), IsOk());
  EXPECT_EQ(first.name(), second.name());
  EXPECT_EQ(Count("SELECT COUNT(*) FROM catalogue"), 1);
}

}  // namespace
}  // namespace milepost::opportunity
