#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"

namespace kr::signals {

// What one number was within a sliding window: the values that it went up from. A value that was
// followed by a lower one says nothing that the lower one does not say as well and for longer, so
// only rising values are kept, and few of them: where there are too many, those go that were valid
// for the shortest time. What is found is then less than what was, for at most a sixteenth of the
// window or so, never more.
class NumberHistory {
 public:
  static constexpr size_t kCapacity = 16;

  // `complete`: there was no number before this one that anybody could have missed.
  NumberHistory(double value, absl::Time now, bool complete)
      : current_(value), seen_since_(complete ? absl::InfinitePast() : now) {}

  void Observe(double value, absl::Time now, absl::Duration within);

  // Values that the number had within the window that ends `now`, oldest first, with the time at
  // which it was left; the present one (left now) last.
  void ForEach(absl::Duration within, absl::Time now,
               absl::FunctionRef<void(double value, absl::Time left)> visit) const;
  // From when on all values are known.
  absl::Time seen_since() const { return seen_since_; }
  // Earlier values that are kept, for tests and memory accounts.
  size_t kept() const { return earlier_ ? earlier_->size() : 0; }

 private:
  struct Sample {
    double value;
    absl::Time left;
  };

  double current_;
  absl::Time seen_since_;
  std::unique_ptr<std::vector<Sample>> earlier_;  // rising; null while the number does not move
};

// The histories of all numbers: a number is what one expression gives, its subject the UID of an
// object. Steady ones cost some 50 bytes each. Engine thread only.
class NumberMemory {
 public:
  void Observe(const std::string& number, std::string_view uid, double value, absl::Time now,
               absl::Duration within, bool complete);
  // Null when nothing was seen yet.
  const NumberHistory* Find(const std::string& number, std::string_view uid) const;

  // The object is gone: of all numbers. Numbers that nobody asks about any more go as a whole.
  void Forget(std::string_view uid);
  void Keep(absl::FunctionRef<bool(const std::string& number)> wanted);
  size_t size() const;

 private:
  // A UID in 16 bytes.
  struct Subject {
    uint64_t high = 0;
    uint64_t low = 0;
    friend bool operator==(const Subject&, const Subject&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Subject& subject) {
      return H::combine(std::move(h), subject.high, subject.low);
    }
  };
  static Subject SubjectOf(std::string_view uid);

  std::map<std::string, absl::flat_hash_map<Subject, NumberHistory>, std::less<>> numbers_;
};

}  // namespace kr::signals
