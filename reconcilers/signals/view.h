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

// What a named event source saw about one object within its window.
struct EventFacts {
  crds::ObjectReference object;
  std::string owner;  // name of its controller, "" without
  std::string node;   // of a pod
  int64_t count = 0;
  absl::Time last;
  std::string message;  // of the newest
  // When, with nothing new, fewer than the asked number are left in the window. InfinitePast when
  // there are fewer already.
  absl::Time enough_until = absl::InfinitePast();
};

// One target as one evaluation sees it: the variables of its expressions (it is their Activation)
// and what signals ask for besides. Lives for one evaluation.
class View : public cel::Activation {
 public:
  virtual absl::Time now() const = 0;
  // Null: there is no such object.
  virtual const document::Document* object() const = 0;
  // The facts of each object of a source, `enough` being the number asked for in all. An error
  // means unknown (objects of the source's join not synced).
  virtual StatusOr<std::vector<EventFacts>> Events(std::string_view source,
                                                   int64_t enough) const = 0;
};

}  // namespace kr::signals
