#include <map>
#include <string>
#include <utility>
#include <vector>

#include "google/rpc/status.pb.h"
#include "target-svc/service/testing_target.h"

namespace milepost::target {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::Fails;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::NamesField;
using ::testing::SizeIs;
using Stub = v1::SolveService::Stub;
using absl::StatusCode;

class SolveServiceTest : public TargetTest {
 protected:
  // A plan of 1,200 by region and quarter, and by product, each evenly: ids by what a node is for.
  void MakeTree(const std::string& id) {
    MakePlan(id, 1'200);
    v1::SplitNodesRequest request;
    request.set_plan("plans/" + id);
    v1::SplitSpec& split = *request.mutable_split();
    split.mutable_nodes()->add_nodes("plans/" + id + "/nodes/root");
    split.set_dimension(v1::REGION);
    for (const char* key : {"north", "south"}) split.mutable_parts()->add_parts()->set_key(key);
    split.mutable_even();
    const auto regions = Split(zoe_, request);
    ASSERT_THAT(regions, IsOk());
    split.set_dimension(v1::PRODUCT);
    split.mutable_parts()->mutable_parts(0)->set_key("products/a");
    split.mutable_parts()->mutable_parts(1)->set_key("products/b");
    ASSERT_THAT(Split(zoe_, request), IsOk());
    for (const v1::Node& region : regions->splits(0).children()) {
      v1::SplitNodesRequest quarters = SplitBy(id, v1::QUARTER);
      quarters.mutable_split()->mutable_nodes()->set_nodes(0, region.name());
      ASSERT_THAT(Split(zoe_, quarters), IsOk());
    }
  }

  // Targets by region and key.
  std::map<std::string, v1::Node> Tree(const std::string& id) {
    v1::ListNodesRequest request;
    request.set_plan("plans/" + id);
    std::map<std::string, v1::Node> nodes;
    for (v1::Node& node : AllNodes(zoe_, request)) {
      const std::string region = node.scope().region();
      std::string key = node.key();
      if (node.dimension() == v1::PERIOD) key = region + " " + key;
      nodes[key.empty() ? "root" : key] = std::move(node);
    }
    return nodes;
  }

  absl::StatusOr<v1::Plan> Solve(const Who& who, const v1::SolveTreeRequest& request) {
    return Do(&Stub::SolveTree, *solver_, who, request);
  }
  absl::StatusOr<v1::PreviewTreeResponse> Preview(const v1::TreeSpec& tree) {
    v1::PreviewTreeRequest request;
    *request.mutable_tree() = tree;
    return Do(&Stub::PreviewTree, *solver_, zoe_, request);
  }

  // A detail of the error that the call fails with.
  template <typename Detail, typename Request, typename Response>
  Detail DetailOf(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request) {
    Response response;
    const std::unique_ptr<grpc::ClientContext> context = As(zoe_);
    const grpc::Status status = ((*solver_).*method)(context.get(), request, &response);
    google::rpc::Status details;
    EXPECT_TRUE(details.ParseFromString(status.error_details()));
    Detail detail;
    for (const google::protobuf::Any& any : details.details()) {
      if (any.UnpackTo(&detail)) return detail;
    }
    ADD_FAILURE() << "no " << Detail::descriptor()->full_name() << " in " << status.error_message();
    return detail;
  }

  static v1::SolveConstraint& Constrain(v1::TreeSpec& tree, const v1::Node& node) {
    v1::SolveConstraint& constraint = *tree.add_constraints();
    constraint.set_node(node.name());
    return constraint;
  }
};

TEST_F(SolveServiceTest, LocksAndBoundsAtAnyDepthInOneCall) {
  MakeTree("deep");
  auto before = Tree("deep");
  v1::SolveTreeRequest request;
  v1::TreeSpec& tree = *request.mutable_tree();
  tree.set_node("plans/deep/nodes/root");
  tree.set_target_units(2'000);
  Constrain(tree, before["north 2018-Q1"]).set_lock_units(700);
  Constrain(tree, before["north 2018-Q2"]).set_min_units(500);
  Constrain(tree, before["south"]).set_max_units(650);
  Constrain(tree, before["products/a"]).set_lock_units(1'500);
  const auto preview = Preview(tree);
  ASSERT_THAT(preview, IsOk());
  EXPECT_EQ(Tree("deep")["root"].target_units(), 1'200) << "a preview writes nothing";
  const auto plan = Solve(zoe_, request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->target_units(), 2'000);
  EXPECT_EQ(plan->plan_version(), preview->plan_version() + 1);
  auto after = Tree("deep");
  EXPECT_EQ(after["root"].target_units(), 2'000);
  EXPECT_EQ(after["north 2018-Q1"].target_units(), 700);
  EXPECT_TRUE(after["north 2018-Q1"].locked());
  EXPECT_GE(after["north 2018-Q2"].target_units(), 500);
  EXPECT_EQ(after["north 2018-Q2"].min_units(), 500);
  EXPECT_EQ(after["south"].target_units(), 650) << "north needs the rest";
  EXPECT_EQ(after["products/b"].target_units(), 500);
  EXPECT_THAT(after["south"].explanation().description(), HasSubstr("solved with all locks"));
  EXPECT_TRUE(Check("deep").adds_up());
  int64_t changed = 0;
  for (const auto& [key, node] : after) {
    changed += node.plan_version() == plan->plan_version() ? 1 : 0;
    for (const v1::Node& shown : preview->nodes()) {
      if (shown.name() != node.name()) continue;
      EXPECT_EQ(shown.target_units(), node.target_units()) << key;
    }
  }
  EXPECT_EQ(preview->changed_node_count(), changed);
  EXPECT_EQ(preview->nodes_size(), changed);
}

TEST_F(SolveServiceTest, CollisionsNameTheSmallestSetAndByHowMuch) {
  MakeTree("clash");
  auto nodes = Tree("clash");
  v1::SolveTreeRequest request;
  v1::TreeSpec& tree = *request.mutable_tree();
  tree.set_node("plans/clash/nodes/root");
  Constrain(tree, nodes["south"]).set_max_units(550);
  Constrain(tree, nodes["south 2018-Q1"]).set_min_units(300);
  Constrain(tree, nodes["south 2018-Q2"]).set_lock_units(280);
  Constrain(tree, nodes["north 2018-Q3"]).set_min_units(10);
  EXPECT_THAT(Solve(zoe_, request), Fails(StatusCode::kFailedPrecondition, "SOLVE_IMPOSSIBLE"));
  const auto failure = DetailOf<v1::SolveFailure>(&Stub::SolveTree, request);
  ASSERT_THAT(failure.collisions(), SizeIs(1));
  const v1::SolveCollision& collision = failure.collisions(0);
  EXPECT_EQ(collision.node(), nodes["south"].name());
  EXPECT_EQ(collision.needed_units(), 580);
  EXPECT_EQ(collision.allowed_units(), 550);
  EXPECT_EQ(collision.amount_units(), 30);
  ASSERT_THAT(collision.constraints(), SizeIs(3));
  for (const v1::CollidingConstraint& constraint : collision.constraints()) {
    EXPECT_EQ(constraint.raises(), constraint.kind() != v1::CollidingConstraint::MAXIMUM);
  }
  EXPECT_THAT(collision.description(),
              AllOf(HasSubstr("580"), HasSubstr("550"), HasSubstr(nodes["south 2018-Q1"].name())));
  v1::PreviewTreeRequest preview;
  *preview.mutable_tree() = tree;
  EXPECT_EQ(DetailOf<v1::SolveFailure>(&Stub::PreviewTree, preview).SerializeAsString(),
            failure.SerializeAsString());
  EXPECT_EQ(Tree("clash")["south"].etag(), nodes["south"].etag()) << "nothing is written";
  // Any one of them less, and it works.
  tree.mutable_constraints(2)->set_lock_units(250);
  EXPECT_THAT(Solve(zoe_, request), IsOk());
  EXPECT_TRUE(Check("clash").adds_up());
  // Cleared, the shape of the splits comes back.
  tree.clear_constraints();
  for (const char* key : {"south", "south 2018-Q1", "south 2018-Q2", "north 2018-Q3"})
    Constrain(tree, nodes[key]).set_clear(true);
  tree.set_shape(v1::TreeSpec::WEIGHTS);
  ASSERT_THAT(Solve(zoe_, request), IsOk());
  for (const auto& [key, node] : Tree("clash")) {
    EXPECT_EQ(node.target_units(), nodes[key].target_units()) << key;
    EXPECT_FALSE(node.locked() || node.has_min_units() || node.has_max_units()) << key;
  }
}

TEST_F(SolveServiceTest, SolvesABranchRepeatablyAndOnlyForThoseWhoMay) {
  MakeTree("branch");
  auto nodes = Tree("branch");
  v1::SolveTreeRequest request;
  v1::TreeSpec& tree = *request.mutable_tree();
  tree.set_node(nodes["north"].name());
  Constrain(tree, nodes["north 2018-Q4"]).set_lock_units(0);
  request.set_request_id(kRequestId);
  request.set_etag(Do(&v1::PlanService::Stub::GetPlan, *plans_, zoe_,
                      [] {
                        v1::GetPlanRequest get;
                        get.set_name("plans/branch");
                        return get;
                      }())
                       ->etag());
  EXPECT_THAT(Solve(max_, request), Fails(StatusCode::kNotFound, "NOT_FOUND"));
  EXPECT_EQ(Solve(anna_, request).status().code(), StatusCode::kPermissionDenied);
  const auto first = Solve(zoe_, request);
  ASSERT_THAT(first, IsOk());
  const auto again = Solve(zoe_, request);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->plan_version(), first->plan_version());
  auto after = Tree("branch");
  EXPECT_EQ(after["north"].target_units(), 600);
  EXPECT_EQ(after["north 2018-Q1"].target_units(), 200);
  EXPECT_EQ(after["south 2018-Q1"].etag(), nodes["south 2018-Q1"].etag());
  request.set_request_id(kOtherRequestId);
  EXPECT_THAT(Solve(zoe_, request), Fails(StatusCode::kAborted, "STALE_ETAG"));
  request.clear_etag();
  Constrain(tree, nodes["south"]).set_min_units(1);
  EXPECT_THAT(Solve(zoe_, request), Fails(StatusCode::kNotFound, "NOT_FOUND"));

  v1::SolveTreeRequest bad;
  bad.mutable_tree()->set_node(nodes["north"].name());
  bad.mutable_tree()->set_target_units(-1);
  bad.mutable_tree()->set_reason(std::string(501, 'x'));
  bad.mutable_tree()->add_constraints()->set_node("plans/other/nodes/root");
  v1::SolveConstraint& crossed = Constrain(*bad.mutable_tree(), nodes["north"]);
  crossed.set_min_units(5);
  crossed.set_max_units(4);
  Constrain(*bad.mutable_tree(), nodes["north"]).set_lock_units(-1);
  for (const char* field : {"tree.target_units", "tree.reason", "tree.constraints[0].node",
                            "tree.constraints[1].min_units", "tree.constraints[2].node",
                            "tree.constraints[2].lock_units"}) {
    EXPECT_THAT(Solve(zoe_, bad), NamesField(field));
  }
}

TEST_F(SolveServiceTest, JointSplitAddsUpByRowAndColumn) {
  MakePlan("joint", 1'000);
  v1::SplitJointlyRequest request;
  v1::JointSpec& joint = *request.mutable_joint();
  joint.set_node("plans/joint/nodes/root");
  joint.mutable_rows()->set_dimension(v1::REGION);
  for (const auto& [key, weight] :
       std::vector<std::pair<const char*, int64_t>>{{"north", 1}, {"south", 1}, {"west", 1}}) {
    v1::SplitPart& part = *joint.mutable_rows()->mutable_parts()->add_parts();
    part.set_key(key);
    part.set_weight(weight);
  }
  joint.mutable_columns()->set_dimension(v1::PERIOD);
  joint.mutable_columns()->set_grain(v1::QUARTER);
  const std::vector<std::pair<const char*, std::vector<int64_t>>> seeds{
      {"north", {70, 30, 20, 10}}, {"south", {10, 10, 90, 10}}, {"west", {20, 0, 20, 50}}};
  for (const auto& [row, by_quarter] : seeds) {
    for (size_t q = 0; q < 4; ++q) {
      if (by_quarter[q] == 0) continue;  // Locked below.
      v1::JointCell& cell = *joint.add_cells();
      cell.set_row(row);
      cell.set_column("2018-Q" + std::to_string(q + 1));
      cell.set_seed(by_quarter[q]);
    }
  }
  v1::JointCell& locked = *joint.add_cells();
  locked.set_row("west");
  locked.set_column("2018-Q2");
  locked.set_lock_units(101);
  v1::PreviewJointSplitRequest preview;
  *preview.mutable_joint() = joint;
  const auto shown = Do(&Stub::PreviewJointSplit, *solver_, zoe_, preview);
  ASSERT_THAT(shown, IsOk());
  request.set_request_id(kRequestId);
  const auto plan = Do(&Stub::SplitJointly, *solver_, zoe_, request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(Do(&Stub::SplitJointly, *solver_, zoe_, request)->plan_version(), plan->plan_version());
  EXPECT_EQ(plan->node_count(), 1 + 3 + 4 + 12);
  EXPECT_TRUE(Check("joint").adds_up());

  v1::ListNodesRequest list;
  list.set_plan("plans/joint");
  std::vector<v1::Node> rows;
  std::map<std::string, int64_t> columns;
  std::map<std::string, int64_t> sums;
  std::vector<int64_t> cells;
  for (const v1::Node& node : AllNodes(zoe_, list)) {
    if (node.dimension() == v1::REGION) rows.push_back(node);
    if (node.dimension() != v1::PERIOD) continue;
    if (node.depth() == 1) {
      columns[node.key()] = node.target_units();
    } else {
      sums[node.key()] += node.target_units();
      cells.push_back(node.target_units());
      if (node.scope().region() == "west" && node.key() == "2018-Q2") {
        EXPECT_EQ(node.target_units(), 101);
        EXPECT_TRUE(node.locked());
      }
    }
  }
  EXPECT_THAT(Values(rows), ElementsAre(334, 333, 333));
  EXPECT_EQ(sums, columns);
  EXPECT_EQ(Values({shown->cells().begin(), shown->cells().end()}), cells);
  EXPECT_THAT(shown->cells(0).explanation().description(), HasSubstr("seed 70"));
  EXPECT_THAT(shown->cells(0).name(), IsEmpty());

  request.set_request_id(kOtherRequestId);
  EXPECT_THAT(Do(&Stub::SplitJointly, *solver_, zoe_, request),
              Fails(StatusCode::kAlreadyExists, "BREAKDOWN_EXISTS"));
}

TEST_F(SolveServiceTest, JointSplitTakesItsSeedFromHistory) {
  MakePlan("history", 4'000);
  v1::PreviewJointSplitRequest request;
  v1::JointSpec& joint = *request.mutable_joint();
  joint.set_node("plans/history/nodes/root");
  joint.mutable_rows()->set_dimension(v1::UNIT);
  joint.mutable_rows()->set_organization(v1::CHILD_UNITS);
  joint.mutable_columns()->set_dimension(v1::PRODUCT);
  for (const char* key : {"products/a", "products/b"})
    joint.mutable_columns()->mutable_parts()->add_parts()->set_key(key);
  *joint.mutable_history()->add_reference_periods()->mutable_period() =
      Range(absl::CivilDay(2017, 1, 1), absl::CivilDay(2017, 12, 31));
  EXPECT_THAT(Do(&Stub::PreviewJointSplit, *solver_, zoe_, request),
              Fails(StatusCode::kFailedPrecondition, "NO_HISTORY"));
  reports_.by_name = {{"products/a", 300}, {"products/b", 100}};
  const auto shown = Do(&Stub::PreviewJointSplit, *solver_, zoe_, request);
  ASSERT_THAT(shown, IsOk());
  EXPECT_THAT(Values({shown->rows().begin(), shown->rows().end()}), ElementsAre(2'000, 2'000));
  EXPECT_THAT(Values({shown->columns().begin(), shown->columns().end()}),
              ElementsAre(3'000, 1'000));
  EXPECT_THAT(Values({shown->cells().begin(), shown->cells().end()}),
              ElementsAre(1'500, 500, 1'500, 500));
  EXPECT_EQ(shown->cells(0).explanation().method(), v1::HISTORY);
}

TEST_F(SolveServiceTest, JointSplitSaysWhatIsWrong) {
  MakePlan("wrong", 1'000);
  v1::SplitJointlyRequest request;
  v1::JointSpec& joint = *request.mutable_joint();
  joint.set_node("plans/wrong/nodes/root");
  joint.mutable_rows()->set_dimension(v1::REGION);
  joint.mutable_rows()->mutable_parts()->add_parts()->set_key("north");
  joint.mutable_rows()->mutable_parts()->add_parts()->set_key("south");
  joint.mutable_columns()->set_dimension(v1::CHANNEL);
  joint.mutable_columns()->mutable_parts()->add_parts()->set_key("online");
  joint.mutable_columns()->mutable_parts()->add_parts()->set_key("direct");
  joint.mutable_rows()->mutable_parts()->mutable_parts(0)->set_max_units(100);
  joint.mutable_rows()->mutable_parts()->mutable_parts(1)->set_max_units(200);
  EXPECT_THAT(Do(&Stub::SplitJointly, *solver_, zoe_, request),
              Fails(StatusCode::kFailedPrecondition, "MATRIX_IMPOSSIBLE"));
  const auto failure = DetailOf<v1::MatrixFailure>(&Stub::SplitJointly, request);
  ASSERT_THAT(failure.violations(), SizeIs(1));
  EXPECT_EQ(failure.violations(0).field(), "rows");
  EXPECT_THAT(failure.violations(0).rows(), ElementsAre("north", "south"));
  EXPECT_EQ(failure.violations(0).amount_units(), 700);

  v1::SplitJointlyRequest bad;
  bad.mutable_joint()->mutable_rows()->set_dimension(v1::MEMBER);
  bad.mutable_joint()->mutable_columns()->set_dimension(v1::MEMBER);
  bad.mutable_joint()->mutable_columns()->set_organization(v1::ALL_MEMBERS);
  v1::JointCell& cell = *bad.mutable_joint()->add_cells();
  cell.set_seed(-1);
  cell.set_lock_units(-1);
  bad.mutable_joint()->set_rounding_units(-1);
  bad.mutable_joint()->mutable_history();
  for (const char* field :
       {"joint.node", "joint.rows.parts", "joint.columns.dimension", "joint.columns.breakdown",
        "joint.cells[0].row", "joint.cells[0].column", "joint.cells[0].seed",
        "joint.cells[0].lock_units", "joint.history.reference_periods", "joint.rounding_units"}) {
    EXPECT_THAT(Do(&Stub::SplitJointly, *solver_, zoe_, bad), NamesField(field));
  }
}

TEST_F(SolveServiceTest, BalanceMatrixMeetsBothTotalsInWholeUnits) {
  v1::BalanceMatrixRequest request;
  const std::vector<std::vector<int64_t>> seeds{{5, 3, 2}, {1, 1, 8}};
  for (size_t i = 0; i < seeds.size(); ++i) {
    v1::BalanceMatrixRequest::Row& row = *request.add_rows();
    row.set_total(i == 0 ? 600 : 400);
    for (const int64_t seed : seeds[i]) row.add_cells()->set_seed(seed);
  }
  for (const int64_t total : {300, 300, 400}) request.add_column_totals(total);
  request.set_rounding_units(100);
  auto balanced = Do(&Stub::BalanceMatrix, *solver_, ann_, request);
  ASSERT_THAT(balanced, IsOk());
  for (int j = 0; j < 3; ++j) {
    EXPECT_EQ(balanced->rows(0).cells(j).value() + balanced->rows(1).cells(j).value(),
              request.column_totals(j));
    EXPECT_EQ(balanced->rows(0).cells(j).value() % 100, 0);
    EXPECT_EQ(balanced->rows(0).cells(j).basis(), v1::BalanceMatrixResponse::Cell::SEED);
  }
  request.set_column_totals(2, 500);
  EXPECT_THAT(Do(&Stub::BalanceMatrix, *solver_, zoe_, request),
              Fails(StatusCode::kFailedPrecondition, "MATRIX_IMPOSSIBLE"));
  EXPECT_EQ(DetailOf<v1::MatrixFailure>(&Stub::BalanceMatrix, request).violations(0).amount_units(),
            100);
  request.mutable_rows(0)->mutable_cells()->RemoveLast();
  request.mutable_rows(1)->mutable_cells(0)->set_seed(-1);
  EXPECT_THAT(Do(&Stub::BalanceMatrix, *solver_, zoe_, request), NamesField("rows[0].cells"));
  EXPECT_THAT(Do(&Stub::BalanceMatrix, *solver_, zoe_, request),
              NamesField("rows[1].cells[0].seed"));
  EXPECT_THAT(Do(&Stub::BalanceMatrix, *solver_, zoe_, {}), NamesField("column_totals"));
}

}  // namespace
}  // namespace milepost::target
