#include "cli/client.h"

#include <openssl/rand.h>

#include <array>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "platform/rpc/status.h"

namespace milepost::cli {
namespace {

constexpr int kMaxMessageBytes = 16 * 1024 * 1024;
constexpr absl::Duration kCallTimeout = absl::Seconds(60);

// Writes carry a request_id, so UNAVAILABLE may be sent again.
constexpr char kServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": ""},
  "methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.1s",
    "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]
})";

grpc::ByteBuffer ToBytes(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

bool FromBytes(const grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  std::vector<grpc::Slice> slices;
  if (!bytes.Dump(&slices).ok()) return false;
  std::string whole;
  for (const grpc::Slice& slice : slices) {
    whole.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return message.ParseFromString(whole);
}

std::string Path(const google::protobuf::MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

}  // namespace

const google::protobuf::MethodDescriptor* MethodOf(const char* method) {
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(method);
}

std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type) {
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

std::string NewUuid() {
  std::array<unsigned char, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  bytes[6] = (bytes[6] & 0x0F) | 0x40;  // Version 4.
  bytes[8] = (bytes[8] & 0x3F) | 0x80;  // RFC 4122 variant.
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    absl::StrAppendFormat(&out, "%02x", bytes[i]);
  }
  return out;
}

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const Profile& profile,
                                                        const std::string& token_file) {
  std::unique_ptr<Client> client(new Client());
  absl::StatusOr<std::string> token =
      ReadToken(token_file.empty() ? profile.token_file : token_file);
  if (!token.ok()) return token.status();
  client->token_ = *std::move(token);
  std::ifstream file(profile.ca_file);
  grpc::SslCredentialsOptions options;
  options.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
  if (options.pem_root_certs.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no CA certificate can be read from '", profile.ca_file, "'"));
  }
  const auto credentials = grpc::SslCredentials(options);
  for (const auto& [service, address] : profile.addresses) {
    grpc::ChannelArguments arguments;
    arguments.SetServiceConfigJSON(kServiceConfig);
    arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
    client->channels_[service] = grpc::CreateCustomChannel(
        absl::StrContains(address, "://") ? address : absl::StrCat("dns:///", address), credentials,
        arguments);
  }
  return client;
}

std::unique_ptr<grpc::ClientContext> Client::Context(absl::Duration timeout) const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->AddMetadata("authorization", "Bearer " + token_);
  if (timeout != absl::InfiniteDuration()) {
    context->set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  }
  return context;
}

std::shared_ptr<grpc::Channel> Client::ChannelOf(const std::string& package,
                                                 const std::string& service) const {
  if (!service.empty()) {
    const auto found = channels_.find(service);
    return found == channels_.end() ? nullptr : found->second;
  }
  const std::vector<std::string> parts = absl::StrSplit(package, '.');
  const std::string area = parts.size() > 1 ? parts[1] : "";
  return channels_.at(area == "organization" ? "target" : area);
}

absl::StatusOr<std::unique_ptr<google::protobuf::Message>> Client::Call(
    const google::protobuf::MethodDescriptor& method, const google::protobuf::Message& request,
    const std::string& service) {
  grpc::GenericStub stub(ChannelOf(method.file()->package(), service));
  const auto context = Context(kCallTimeout);
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(context.get(), Path(method), ToBytes(request), &queue);
  call->StartCall();
  grpc::ByteBuffer bytes;
  grpc::Status status;
  call->Finish(&bytes, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  auto response = NewMessage(*method.output_type());
  if (!FromBytes(bytes, *response)) return absl::InternalError("the answer cannot be decoded");
  return response;
}

absl::Status Client::Stream(const google::protobuf::MethodDescriptor& method,
                            const google::protobuf::Message& request,
                            const std::function<bool(const google::protobuf::Message&)>& receive,
                            const std::string& service) {
  grpc::GenericStub stub(ChannelOf(method.file()->package(), service));
  const auto context = Context(absl::InfiniteDuration());
  grpc::CompletionQueue queue;
  const auto step = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(context.get(), Path(method), &queue);
  call->StartCall(nullptr);
  bool going = step();
  if (going) {
    call->Write(ToBytes(request), nullptr);
    going = step();
  }
  if (going) {
    call->WritesDone(nullptr);
    going = step();
  }
  bool ended_by_us = false;
  while (going) {
    grpc::ByteBuffer bytes;
    call->Read(&bytes, nullptr);
    going = step();
    if (!going) break;
    auto response = NewMessage(*method.output_type());
    if (!FromBytes(bytes, *response)) return absl::InternalError("the answer cannot be decoded");
    if (!receive(*response)) {
      ended_by_us = true;
      context->TryCancel();
    }
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  step();
  return ended_by_us ? absl::OkStatus() : rpc::FromGrpcStatus(status);
}

}  // namespace milepost::cli
