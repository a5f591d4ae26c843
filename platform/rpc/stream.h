#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "grpcpp/support/server_callback.h"

// Streams as blocking reads and writes for a handler that runs on a thread of its own, over the
// callback API.
namespace milepost::rpc {

// What a server-streaming handler writes to.
template <typename Response>
class Writer {
 public:
  virtual ~Writer() = default;
  // Sends a message; waits while the one before is on its way (a slow reader slows the handler).
  // False if the client is gone or the deadline has passed: the handler returns.
  virtual bool Write(Response response) = 0;
  // True if the client is gone, the deadline has passed, or the server drains and wants streams to
  // end.
  virtual bool Ended() const = 0;
  virtual bool Draining() const = 0;
};

// What a handler of a bidirectional stream reads from and writes to.
template <typename Request, typename Response>
class Stream : public Writer<Response> {
 public:
  // The next message, or nullopt when the client has sent its last or is gone.
  virtual std::optional<Request> Read() = 0;
};

}  // namespace milepost::rpc
