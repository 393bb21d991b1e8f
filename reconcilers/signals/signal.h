#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/cel/program.h"
#include "crds/v1alpha1/remediation.h"
#include "crds/v1alpha1/target_baseline.h"
#include "reconcilers/signals/alerts.h"
#include "reconcilers/signals/tri.h"
#include "reconcilers/signals/view.h"

namespace kr::signals {

// What a signal says at one moment.
struct Reading {
  Tri value = Tri::kUnknown;
  std::string cause;  // why it is Unknown
  // The value may change then without anything else changing.
  absl::Time valid_until = absl::InfiniteFuture();
  // Since when it holds, if the object itself says so reliably.
  std::optional<absl::Time> since;
  std::vector<crds::Evidence> evidence;  // when True
};

// A lease that a signal rests on.
struct LeaseRead {
  std::string name_space;
  std::string name;      // "": that of the target's name
  bool decides = false;  // whether something is done at all: read live before the first write
  absl::Duration after = absl::InfiniteDuration();  // the shortest that counts as stale

  friend bool operator==(const LeaseRead&, const LeaseRead&) = default;
};

// One test of a trigger, made when the policy is compiled. Immutable, pure.
class Signal {
 public:
  virtual ~Signal() = default;
  virtual Reading Read(const View& view) const = 0;
  // The fields it reads, as an expression would: {"object", status.conditions[*].type}.
  virtual std::vector<cel::Read> Reads() const = 0;
  // Notes of a target what Read will look back upon. Called at every evaluation of the target for
  // detection, whatever the other signals of the trigger say; `since_start` while the policy's
  // targets are evaluated for the first time, so that they may have a past that nobody saw.
  virtual void Note(const View& /*view*/, bool /*since_start*/, Past& /*past*/) const {}
  // Says that something happened (Events, a time of a schedule) rather than how things are: that
  // nothing more happens proves no cure.
  virtual bool IsOccurrence() const { return false; }
  // Says what is to be done, not that anything is wrong.
  virtual bool IsPlanned() const { return false; }
  // May hold for a place where no object is. All other triggers say nothing about one.
  virtual bool IsAboutPlaces() const { return false; }
  // Counts from View::answered.
  virtual bool LooksBack() const { return false; }
  // The present value of what it compares with a TargetBaseline; nullopt when it has none now.
  virtual bool KeepsBaseline() const { return false; }
  virtual std::optional<crds::BaselineValue> Baseline(const View& /*view*/) const {
    return std::nullopt;
  }
  // Null: it rests on none.
  virtual const LeaseRead* ReadsLease() const { return nullptr; }
  // The target that an alert with these labels is about, if this signal listens to it. The views
  // are into the labels.
  virtual std::optional<TargetName> TargetOf(const Labels& /*labels*/) const {
    return std::nullopt;
  }
};

using SignalPtr = std::unique_ptr<const Signal>;

}  // namespace kr::signals
