#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/cel/program.h"
#include "crds/v1alpha1/remediation.h"
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

// One test of a trigger, made when the policy is compiled. Immutable, pure.
class Signal {
 public:
  virtual ~Signal() = default;
  virtual Reading Read(const View& view) const = 0;
  // The fields it reads, as an expression would: {"object", status.conditions[*].type}.
  virtual std::vector<cel::Read> Reads() const = 0;
  // Events are no state: their absence proves no cure.
  virtual bool CountsEvents() const { return false; }
};

using SignalPtr = std::unique_ptr<const Signal>;

}  // namespace kr::signals
