#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "controller/base/status.h"
#include "controller/cel/program.h"
#include "controller/document/document.h"
#include "crds/meta/object_meta.h"

namespace kr::signals {

struct Past;

// What a named event source saw about one object within its window.
struct EventFacts {
  crds::ObjectReference object;
  std::string owner;  // name of its controller, "" without
  std::string node;   // of a pod
  int64_t count = 0;
  absl::Time first = absl::InfiniteFuture();  // of those that are counted
  absl::Time last;
  std::string message;  // of the newest
  // When, with nothing new, fewer than the asked number are left in the window. InfinitePast when
  // there are fewer already.
  absl::Time enough_until = absl::InfinitePast();
  absl::Time none_from = absl::InfinitePast();  // when, with nothing new, none is left
};

// What a target is called. The texts live as long as the View.
struct TargetName {
  std::string_view name_space;
  std::string_view name;
  std::string_view uid;  // "" of an empty place
};

// One target as one evaluation sees it: the variables of its expressions (it is their Activation)
// and what signals ask for besides. Lives for one evaluation.
class View : public cel::Activation {
 public:
  virtual absl::Time now() const = 0;
  // Null: there is no such object.
  virtual const document::Document* object() const = 0;
  virtual TargetName target() const {
    return object() == nullptr
               ? TargetName{}
               : TargetName{object()->name_space(), object()->name(), object()->uid()};
  }
  // The facts of each object of a source, `enough` being the number asked for in all. An error
  // means unknown (objects of the source's join not synced).
  virtual StatusOr<std::vector<EventFacts>> Events(std::string_view source,
                                                   int64_t enough) const = 0;

  // What happened before is no news: the last write of the remediation that is judged, or of the
  // one before. Signals that look back look no further.
  virtual absl::Time answered() const { return absl::InfinitePast(); }
  // The times of a schedule up to then have been dealt with.
  virtual absl::Time schedule_answered() const { return absl::InfinitePast(); }
  // When the remediation began that asks, if one asks. Not to know is something else then: it
  // neither cures nor escalates, while for a target that nothing is done about it is like False.
  virtual std::optional<absl::Time> remediating_since() const { return std::nullopt; }
  // What was noted when the target was evaluated earlier.
  virtual const Past& past() const;
};

}  // namespace kr::signals
