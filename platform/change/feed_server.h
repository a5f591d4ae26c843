// Serves milepost.feed.v1.FeedService: the committed changes of this service, in order.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "milepost/feed/v1/feed.grpc.pb.h"
#include "platform/change/feed_tail.h"
#include "platform/rpc/runner.h"

namespace prometheus {
class Registry;
}

namespace milepost::change {

// Subscribers get the newest events from the tail's memory; who is further behind reads from the
// tables. A transaction's events travel in one batch unless they are more
// than fit into a message. All methods may be called by any thread.
class FeedServer final : public feed::v1::FeedService::CallbackService {
 public:
  struct Options {
    absl::Duration bookmark = absl::Seconds(2);  // An idle stream hears of the head so often.
    // A stream ends after this, and the reader comes back: replicas get their share again.
    absl::Duration stream_age = absl::Minutes(10);
  };

  // All outlive this object.
  FeedServer(rpc::Runner& runner, FeedTail& tail, Options options, prometheus::Registry& registry);
  ~FeedServer() override;

  grpc::ServerWriteReactor<feed::v1::Batch>* Subscribe(
      grpc::CallbackServerContext* context, const feed::v1::SubscribeRequest* request) override;
  grpc::ServerWriteReactor<feed::v1::SnapshotPage>* Snapshot(
      grpc::CallbackServerContext* context, const feed::v1::SnapshotRequest* request) override;
  grpc::ServerUnaryReactor* GetFeedStatus(grpc::CallbackServerContext* context,
                                          const feed::v1::GetFeedStatusRequest* request,
                                          feed::v1::FeedStatus* response) override;

 private:
  struct Metrics;

  absl::Status Send(db::Session& session, const feed::v1::SubscribeRequest& request,
                    rpc::Writer<feed::v1::Batch>& out);
  absl::Status SendSnapshot(db::Session& session, const feed::v1::SnapshotRequest& request,
                            rpc::Writer<feed::v1::SnapshotPage>& out);

  rpc::Runner& rpc_;
  FeedTail& tail_;
  const Options options_;
  const std::unique_ptr<Metrics> metrics_;
};

}  // namespace milepost::change
