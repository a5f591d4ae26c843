#include "opportunity-svc/service/references.h"

#include <set>

namespace milepost::opportunity {

template <>
References::Cache<Source>& References::CacheOf<Source>() {
  return sources_;
}
template <>
References::Cache<ProductLine>& References::CacheOf<ProductLine>() {
  return product_lines_;
}
template <>
References::Cache<Product>& References::CacheOf<Product>() {
  return products_;
}
template <>
References::Cache<Process>& References::CacheOf<Process>() {
  return processes_;
}

template <typename Record>
absl::StatusOr<References::Found<Record>> References::Find(db::Snapshot& snapshot,
                                                           const std::vector<std::string>& ids) {
  const absl::Time now = now_();
  Found<Record> found;
  std::set<std::string> unknown;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const Cache<Record>& cache = CacheOf<Record>();
    for (const std::string& id : ids) {
      if (id.empty() || found.contains(id)) continue;
      const auto remembered = cache.find(id);
      if (remembered != cache.end() && now - remembered->second.read_time < kFreshFor) {
        found.emplace(id, remembered->second.record);
      } else {
        unknown.insert(id);
      }
    }
  }
  if (unknown.empty()) return found;
  absl::StatusOr<std::map<std::string, Record>> read =
      store_.LoadMany<Record>(snapshot, std::vector<std::string>(unknown.begin(), unknown.end()));
  if (!read.ok()) return read.status();
  const std::lock_guard<std::mutex> lock(mutex_);
  Cache<Record>& cache = CacheOf<Record>();
  if (cache.size() + read->size() > kMaxRemembered) cache.clear();
  for (auto& [id, record] : *read) {
    auto shared = std::make_shared<const Record>(std::move(record));
    cache[id] = {shared, now};
    found.emplace(id, std::move(shared));
  }
  return found;
}

absl::StatusOr<std::shared_ptr<const Definition>> References::FindDefinition(
    db::Snapshot& snapshot, const std::string& process, int64_t revision) {
  const std::pair<std::string, int64_t> key(process, revision);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (const auto known = definitions_.find(key); known != definitions_.end())
      return known->second;
  }
  absl::StatusOr<Definition> read = store_.LoadRevision(snapshot, process, revision);
  if (!read.ok()) return read.status();
  auto shared = std::make_shared<const Definition>(*std::move(read));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (definitions_.size() >= kMaxRemembered) definitions_.clear();
  definitions_[key] = shared;
  return shared;
}

template <typename Record>
void References::Forget(const std::string& id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  CacheOf<Record>().erase(id);
}

template absl::StatusOr<References::Found<Source>> References::Find<Source>(
    db::Snapshot&, const std::vector<std::string>&);
template absl::StatusOr<References::Found<ProductLine>> References::Find<ProductLine>(
    db::Snapshot&, const std::vector<std::string>&);
template absl::StatusOr<References::Found<Product>> References::Find<Product>(
    db::Snapshot&, const std::vector<std::string>&);
template absl::StatusOr<References::Found<Process>> References::Find<Process>(
    db::Snapshot&, const std::vector<std::string>&);
template void References::Forget<Source>(const std::string&);
template void References::Forget<ProductLine>(const std::string&);
template void References::Forget<Product>(const std::string&);
template void References::Forget<Process>(const std::string&);

}  // namespace milepost::opportunity
