#include "platform/rpc/worker_pool.h"

#include <chrono>
#include <utility>

namespace milepost::rpc {
namespace {

// So long without work a worker keeps its read transaction: ending it is a round trip.
constexpr std::chrono::milliseconds kIdle(20);

}  // namespace

WorkerPool::WorkerPool(int workers, size_t queue_limit, const SessionFactory& make_session)
    : queue_limit_(queue_limit) {
  for (int i = 0; i < workers; ++i) sessions_.push_back(make_session());
  for (const auto& session : sessions_) threads_.emplace_back([this, &session] { Work(*session); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::Submit(std::function<void(db::Session&)> task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_ || queue_.size() >= queue_limit_) return false;
    queue_.push_back(std::move(task));
  }
  ready_.notify_one();
  return true;
}

size_t WorkerPool::queue_length() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return queue_.size();
}

void WorkerPool::Work(db::Session& session) {
  for (;;) {
    std::function<void(db::Session&)> task;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      const auto ready = [this] { return stopping_ || !queue_.empty(); };
      if (!ready_.wait_for(lock, kIdle, ready)) {
        // Idle: a migration must not wait for our open read transaction.
        lock.unlock();
        session.EndRead();
        lock.lock();
        ready_.wait(lock, ready);
      }
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    if (session.ReadIsOld()) session.EndRead();
    task(session);
  }
}

}  // namespace milepost::rpc
