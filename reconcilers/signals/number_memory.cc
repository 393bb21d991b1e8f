#include "reconcilers/signals/number_memory.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"

namespace kr::signals {

void NumberHistory::Observe(double value, absl::Time now, absl::Duration within) {
  if (earlier_) {
    // A clock that was set back must not make the past last longer.
    for (Sample& sample : *earlier_) sample.left = std::min(sample.left, now);
    std::erase_if(*earlier_, [&](const Sample& sample) { return sample.left + within <= now; });
  }
  if (value == current_) {
    if (earlier_ && earlier_->empty()) earlier_.reset();
    return;
  }
  if (!earlier_) earlier_ = std::make_unique<std::vector<Sample>>();
  while (!earlier_->empty() && earlier_->back().value >= current_) earlier_->pop_back();
  earlier_->push_back({current_, now});
  current_ = value;
  if (earlier_->size() <= kCapacity) return;
  // Each is what counts from when the one before it leaves the window until it leaves itself.
  size_t shortest = 1;
  for (size_t i = 2; i < earlier_->size(); ++i) {
    const auto span = [&](size_t s) { return (*earlier_)[s].left - (*earlier_)[s - 1].left; };
    if (span(i) < span(shortest)) shortest = i;
  }
  earlier_->erase(earlier_->begin() + static_cast<std::ptrdiff_t>(shortest));
}

void NumberHistory::ForEach(absl::Duration within, absl::Time now,
                            absl::FunctionRef<void(double, absl::Time)> visit) const {
  if (earlier_) {
    for (const Sample& sample : *earlier_) {
      if (sample.left + within > now) visit(sample.value, std::min(sample.left, now));
    }
  }
  visit(current_, now);
}

NumberMemory::Subject NumberMemory::SubjectOf(std::string_view uid) {
  Subject subject;
  size_t digits = 0;
  for (const char c : uid) {
    if (c == '-') continue;
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0 || ++digits > 32) {  // not of the usual form
      return {absl::HashOf(uid), absl::HashOf(uid, uid.size())};
    }
    subject.high = subject.high << 4 | subject.low >> 60;
    subject.low = subject.low << 4 | static_cast<uint64_t>(digit);
  }
  return subject;
}

void NumberMemory::Observe(const std::string& number, std::string_view uid, double value,
                           absl::Time now, absl::Duration within, bool complete) {
  const auto [it, created] =
      numbers_[number].try_emplace(SubjectOf(uid), NumberHistory(value, now, complete));
  if (!created) it->second.Observe(value, now, within);
}

const NumberHistory* NumberMemory::Find(const std::string& number, std::string_view uid) const {
  const auto known = numbers_.find(number);
  if (known == numbers_.end()) return nullptr;
  const auto history = known->second.find(SubjectOf(uid));
  return history == known->second.end() ? nullptr : &history->second;
}

void NumberMemory::Forget(std::string_view uid) {
  const Subject subject = SubjectOf(uid);
  for (auto& [number, histories] : numbers_) histories.erase(subject);
}

void NumberMemory::Keep(absl::FunctionRef<bool(const std::string&)> wanted) {
  std::erase_if(numbers_, [&](const auto& entry) { return !wanted(entry.first); });
}

size_t NumberMemory::size() const {
  size_t size = 0;
  for (const auto& [number, histories] : numbers_) size += histories.size();
  return size;
}

}  // namespace kr::signals
