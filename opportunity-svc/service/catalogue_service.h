#pragma once

#include "milepost/opportunity/v1/process.grpc.pb.h"
#include "milepost/opportunity/v1/product.grpc.pb.h"
#include "milepost/opportunity/v1/source.grpc.pb.h"
#include "opportunity-svc/service/parts.h"
#include "opportunity-svc/store/catalogue_store.h"

// What opportunities refer to: sources, products and processes. Contracts are in the protos.
namespace milepost::opportunity {

class SourceService final : public v1::SourceService::CallbackService {
 public:
  explicit SourceService(Parts parts);

  grpc::ServerUnaryReactor* GetSource(grpc::CallbackServerContext* context,
                                      const v1::GetSourceRequest* request,
                                      v1::Source* response) override;
  grpc::ServerUnaryReactor* ListSources(grpc::CallbackServerContext* context,
                                        const v1::ListSourcesRequest* request,
                                        v1::ListSourcesResponse* response) override;
  grpc::ServerUnaryReactor* CreateSource(grpc::CallbackServerContext* context,
                                         const v1::CreateSourceRequest* request,
                                         v1::Source* response) override;
  grpc::ServerUnaryReactor* UpdateSource(grpc::CallbackServerContext* context,
                                         const v1::UpdateSourceRequest* request,
                                         v1::Source* response) override;
  grpc::ServerBidiReactor<v1::ImportSourcesRequest, v1::ImportSourcesResponse>* ImportSources(
      grpc::CallbackServerContext* context) override;

 private:
  absl::StatusOr<v1::Source> Create(const rpc::Caller& caller, db::Session& db,
                                    const v1::CreateSourceRequest& request);
  absl::StatusOr<v1::Source> Update(const rpc::Caller& caller, db::Session& db,
                                    const v1::UpdateSourceRequest& request);
  absl::Status Import(const rpc::Caller& caller, db::Session& db,
                      rpc::Stream<v1::ImportSourcesRequest, v1::ImportSourcesResponse>& stream);

  const Parts parts_;
  const CatalogueStore store_{};
};

class ProductService final : public v1::ProductService::CallbackService {
 public:
  explicit ProductService(Parts parts);

  grpc::ServerUnaryReactor* GetProduct(grpc::CallbackServerContext* context,
                                       const v1::GetProductRequest* request,
                                       v1::Product* response) override;
  grpc::ServerUnaryReactor* ListProducts(grpc::CallbackServerContext* context,
                                         const v1::ListProductsRequest* request,
                                         v1::ListProductsResponse* response) override;
  grpc::ServerUnaryReactor* CreateProduct(grpc::CallbackServerContext* context,
                                          const v1::CreateProductRequest* request,
                                          v1::Product* response) override;
  grpc::ServerUnaryReactor* UpdateProduct(grpc::CallbackServerContext* context,
                                          const v1::UpdateProductRequest* request,
                                          v1::Product* response) override;
  grpc::ServerUnaryReactor* GetProductLine(grpc::CallbackServerContext* context,
                                           const v1::GetProductLineRequest* request,
                                           v1::ProductLine* response) override;
  grpc::ServerUnaryReactor* ListProductLines(grpc::CallbackServerContext* context,
                                             const v1::ListProductLinesRequest* request,
                                             v1::ListProductLinesResponse* response) override;
  grpc::ServerUnaryReactor* CreateProductLine(grpc::CallbackServerContext* context,
                                              const v1::CreateProductLineRequest* request,
                                              v1::ProductLine* response) override;
  grpc::ServerUnaryReactor* UpdateProductLine(grpc::CallbackServerContext* context,
                                              const v1::UpdateProductLineRequest* request,
                                              v1::ProductLine* response) override;
  grpc::ServerBidiReactor<v1::ImportProductsRequest, v1::ImportProductsResponse>* ImportProducts(
      grpc::CallbackServerContext* context) override;

 private:
  absl::StatusOr<v1::Product> Create(const rpc::Caller& caller, db::Session& db,
                                     const v1::CreateProductRequest& request);
  absl::StatusOr<v1::Product> Update(const rpc::Caller& caller, db::Session& db,
                                     const v1::UpdateProductRequest& request);
  absl::StatusOr<v1::ProductLine> CreateLine(const rpc::Caller& caller, db::Session& db,
                                             const v1::CreateProductLineRequest& request);
  absl::StatusOr<v1::ProductLine> UpdateLine(const rpc::Caller& caller, db::Session& db,
                                             const v1::UpdateProductLineRequest& request);
  absl::Status Import(const rpc::Caller& caller, db::Session& db,
                      rpc::Stream<v1::ImportProductsRequest, v1::ImportProductsResponse>& stream);
  // OK if the line is "" or exists and is not archived.
  absl::Status CheckLine(db::Session& db, const std::string& line);

  const Parts parts_;
  const CatalogueStore store_{};
};

class ProcessService final : public v1::ProcessService::CallbackService {
 public:
  explicit ProcessService(Parts parts);

  grpc::ServerUnaryReactor* GetProcess(grpc::CallbackServerContext* context,
                                       const v1::GetProcessRequest* request,
                                       v1::Process* response) override;
  grpc::ServerUnaryReactor* ListProcesses(grpc::CallbackServerContext* context,
                                          const v1::ListProcessesRequest* request,
                                          v1::ListProcessesResponse* response) override;
  grpc::ServerUnaryReactor* CreateProcess(grpc::CallbackServerContext* context,
                                          const v1::CreateProcessRequest* request,
                                          v1::Process* response) override;
  grpc::ServerUnaryReactor* UpdateProcess(grpc::CallbackServerContext* context,
                                          const v1::UpdateProcessRequest* request,
                                          v1::Process* response) override;
  grpc::ServerUnaryReactor* ReviseProcess(grpc::CallbackServerContext* context,
                                          const v1::ReviseProcessRequest* request,
                                          v1::Process* response) override;

 private:
  absl::StatusOr<v1::Process> Get(db::Session& db, const v1::GetProcessRequest& request);
  absl::StatusOr<v1::Process> Create(const rpc::Caller& caller, db::Session& db,
                                     const v1::CreateProcessRequest& request);
  absl::StatusOr<v1::Process> Update(const rpc::Caller& caller, db::Session& db,
                                     const v1::UpdateProcessRequest& request);
  absl::StatusOr<v1::Process> Revise(const rpc::Caller& caller, db::Session& db,
                                     const v1::ReviseProcessRequest& request);

  const Parts parts_;
  const CatalogueStore store_{};
};

}  // namespace milepost::opportunity
