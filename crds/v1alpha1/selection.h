#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "crds/meta/label_selector.h"

// Which objects a policy looks at: its targets, the objects joined to them, the Events about both.
namespace kr::crds {

struct TargetKind {
  std::string api_version;
  std::string kind;

  friend bool operator==(const TargetKind&, const TargetKind&) = default;
};

// The objects that a policy watches: all conditions must hold. Empty lists and absent selectors do
// not narrow.
struct Target {
  // One kind, or several in `kinds`.
  std::string api_version;
  std::string kind;
  std::vector<TargetKind> kinds;
  std::vector<std::string> names;
  std::vector<std::string> namespaces;
  std::optional<LabelSelector> selector;
  std::optional<LabelSelector> exclude_selector;
  bool all = false;  // needed when nothing above narrows

  // Whichever way they are written.
  std::vector<TargetKind> Kinds() const;
  friend bool operator==(const Target&, const Target&) = default;
};

// Joins that are built in.
enum class RelatedPreset { kOwnedPods };
std::string_view ToString(RelatedPreset preset);

// An equi-join written out: the objects of a kind whose `key` equals the target's `equals`. Either
// may be a value, a list of values or an optional; none means no key, hence no match. Without both,
// namespace, names and selector alone choose.
struct RelatedQuery {
  std::string api_version;
  std::string kind;
  bool same_namespace = false;  // the target's; not together with name_space
  std::string name_space;
  std::vector<std::string> names;
  std::optional<LabelSelector> selector;
  std::string where;   // CEL over `it`, "" = no condition
  std::string key;     // CEL over `it`; given together with `equals`
  std::string equals;  // CEL over the policy's scope

  friend bool operator==(const RelatedQuery&, const RelatedQuery&) = default;
};

// A named join; expressions read it as `related.<name>`.
struct Related {
  std::string name;
  std::variant<RelatedPreset, RelatedQuery> from = RelatedPreset::kOwnedPods;
  // More objects than this make whatever reads the join Unknown.
  int64_t max = 1000;

  friend bool operator==(const Related&, const Related&) = default;
};

// Whose Events are meant.
struct AboutTarget {
  friend bool operator==(const AboutTarget&, const AboutTarget&) = default;
};
struct AboutRelated {
  std::string related;  // a name in spec.related
  friend bool operator==(const AboutRelated&, const AboutRelated&) = default;
};
struct AboutKind {  // any object of a kind
  std::string api_version;
  std::string kind;
  friend bool operator==(const AboutKind&, const AboutKind&) = default;
};

// A named source of Events; expressions read it as `events.<name>`. Patterns are RE2, searched for
// (not anchored); "" matches everything.
struct EventSource {
  std::string name;
  std::variant<AboutTarget, AboutRelated, AboutKind> about;
  std::string type;  // "Normal", "Warning" or "" for both
  std::string reason;
  std::string message;
  absl::Duration within = absl::Minutes(10);

  friend bool operator==(const EventSource&, const EventSource&) = default;
};

}  // namespace kr::crds
