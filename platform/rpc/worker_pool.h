#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "platform/db/session.h"

namespace milepost::rpc {

using SessionFactory = std::function<std::unique_ptr<db::Session>()>;

// A fixed number of threads with a database session each, behind one bounded queue. Safe from any
// thread.
class WorkerPool {
 public:
  WorkerPool(int workers, size_t queue_limit, const SessionFactory& make_session);
  // Finishes what is queued, then joins.
  ~WorkerPool();

  // False if the queue is full: the task was not taken.
  bool Submit(std::function<void(db::Session&)> task);
  size_t queue_length() const;

 private:
  void Work(db::Session& session);

  const size_t queue_limit_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void(db::Session&)>> queue_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<db::Session>> sessions_;
  std::vector<std::thread> threads_;
};

}  // namespace milepost::rpc
