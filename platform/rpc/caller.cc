#include "platform/rpc/caller.h"

namespace milepost::rpc {
namespace {

// What a peer must leave us to answer in.
constexpr absl::Duration kPeerMargin = absl::Milliseconds(50);

std::string StringField(const google::protobuf::Message& message, const char* name) {
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->is_repeated() ||
      field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
    return "";
  }
  return message.GetReflection()->GetString(message, field);
}

}  // namespace

const access::Scope& Caller::scope() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (scope_ == nullptr) {
    scope_ = std::make_shared<const access::Scope>(
        parts_.organization->ScopeOf(parts_.identity, parts_.today));
  }
  return *scope_;
}

change::Context Caller::Change(const google::protobuf::Message& request) const {
  change::Context context;
  context.actor = parts_.identity.member_id;
  context.calling_service = parts_.calling_service;
  context.reason = StringField(request, "reason");
  context.request_scope = change::RequestScope(parts_.identity.member_id, parts_.calling_service);
  context.request_id = StringField(request, "request_id");
  if (!context.request_id.empty()) context.request_hash = change::RequestHash(request);
  context.committed = parts_.committed;
  return context;
}

void Caller::Prepare(grpc::ClientContext& context) const {
  if (!parts_.token.empty()) context.AddMetadata("authorization", "Bearer " + parts_.token);
  context.AddMetadata("traceparent", parts_.traceparent);
  context.set_deadline(absl::ToChronoTime(parts_.deadline - kPeerMargin));
}

}  // namespace milepost::rpc
