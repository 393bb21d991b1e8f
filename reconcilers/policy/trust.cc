#include "reconcilers/policy/trust.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "crds/meta/nodes.h"
#include "reconcilers/policy/kind_scope.h"

namespace kr::policy {
namespace {

using document::Path;
using document::Step;

// Where something stands, as far as the policy alone tells.
struct Place {
  enum class Kind {
    kCluster,       // cluster-scoped: no tenant writes it
    kWithTarget,    // in the target's namespace
    kNamespace,     // in `name_space`
    kSomeNamespace  // wherever: no namespace is certain to be the same
  };
  Kind kind = Kind::kSomeNamespace;
  std::string name_space = {};
};

// An object that a step writes.
struct Written {
  Place place;
  std::string text;                // "the target (Node)"
  bool is_target = false;          // expressions see it as `object`
  std::vector<std::string> joins;  // and as related.<name>, for certain
};

// What a trigger rests on: one expression or signal may read several.
struct Evidence {
  Place place;
  bool target = false;  // `object` beyond its name
  std::string join;     // related.<join>
};

bool IsField(const Step& step, std::string_view name) {
  return step.kind == Step::Kind::kField && step.field == name;
}

// Who names an object decides nothing about its state.
bool IsIdentity(const Path& path) {
  if (path.steps.size() != 2 || !IsField(path.steps[0], "metadata")) return false;
  return IsField(path.steps[1], "name") || IsField(path.steps[1], "namespace") ||
         IsField(path.steps[1], "uid");
}

class TrustCheck {
 public:
  explicit TrustCheck(const CompiledPolicy& policy) : policy_(policy) {
    target_ = PlaceOf(policy.target, Place{Place::Kind::kWithTarget});
    const crds::Target& spec = policy.spec.target;
    if (target_.kind == Place::Kind::kSomeNamespace && !spec.namespaces.empty()) {
      target_.kind = Place::Kind::kWithTarget;
    }
  }

  Status Run() const {
    for (size_t t = 0; t < policy_.triggers.size(); ++t) {
      const std::vector<Evidence> evidence = EvidenceOf(t);
      for (size_t r = 0; r < policy_.remedies.size(); ++r) {
        for (size_t s = 0; s < policy_.remedies[r].steps.size(); ++s) {
          const policy::Step& step = policy_.remedies[r].steps[s];
          if (step.action->reversal() == actions::Reversal::kNothing) continue;
          const Written written = WrittenBy(step);
          if (Justified(evidence, written)) continue;
          return Refuse(t, r, s, written);
        }
      }
    }
    return OkStatus();
  }

 private:
  // `in_namespace`: where it stands when the kind has namespaces.
  static Place PlaceOf(const kube::GroupVersionKind& gvk, Place in_namespace) {
    switch (ScopeOfKind(gvk.group, gvk.kind)) {
      case KindScope::kCluster:
        return {Place::Kind::kCluster};
      case KindScope::kNamespaced:
        return in_namespace;
      case KindScope::kUnknown:
        break;
    }
    return {};
  }

  Place PlaceOfJoin(const RelatedJoin& join) const {
    // As what it starts from: a hop that leaves the target's namespace does not come back to it.
    if (join.same_namespace) return join.of ? PlaceOfJoin(policy_.related[*join.of]) : target_;
    Place in_namespace;
    if (!join.name_space.empty()) in_namespace = {Place::Kind::kNamespace, join.name_space};
    const Place place = PlaceOf(join.gvk, in_namespace);
    // A namespace in the policy says that the kind has namespaces.
    return join.name_space.empty() ? place : in_namespace;
  }

  Written WrittenBy(const policy::Step& step) const {
    if (!step.spec.apply_to) {
      return {target_, "the target (" + policy_.target.kind + ")", /*is_target=*/true, {}};
    }
    if (!step.spec.apply_to->ref) return WrittenJoin(step.spec.apply_to->related);
    const crds::ApplyToRef& ref = *step.spec.apply_to->ref;
    const auto gvk = kube::GroupVersionKind::FromApiVersion(ref.api_version, ref.kind);
    Written written{.place = PlaceOf(gvk, target_), .text = ref.kind};
    if (!ref.name_space.empty()) {
      written.place = {Place::Kind::kNamespace, ref.name_space};
      written.text += " " + ref.name_space + "/" + ref.name;
    } else {
      written.text += " " + ref.name;
    }
    if (ref.name.empty()) return written;  // a computed name may be anybody's
    const std::vector<std::string> named{ref.name};
    const crds::Target& target = policy_.spec.target;
    written.is_target =
        gvk.group == policy_.target.group && gvk.kind == policy_.target.kind &&
        target.names == named &&
        (ref.name_space.empty() || target.namespaces == std::vector<std::string>{ref.name_space});
    for (const RelatedJoin& join : policy_.related) {
      const bool is_ref = join.gvk.group == gvk.group && join.gvk.kind == gvk.kind &&
                          join.names == named && Same(PlaceOfJoin(join), written.place);
      if (is_ref) written.joins.push_back(join.name);
    }
    return written;
  }

  Written WrittenJoin(const std::string& name) const {
    Written written{.text = "related." + name};
    for (const RelatedJoin& join : policy_.related) {
      if (join.name != name) continue;
      written.place = PlaceOfJoin(join);
      written.text += " (" + join.gvk.kind + ")";
      written.joins = {name};
    }
    return written;
  }

  std::vector<Evidence> EvidenceOf(size_t index) const {
    std::vector<Evidence> evidence;
    const crds::Trigger& spec = policy_.spec.triggers[index];
    if (spec.events) evidence.push_back({.place = PlaceOfEvents(spec.events->from)});
    if (spec.alert) evidence.push_back({.place = Forgeable(target_)});
    if (spec.lease) {
      // A node's own lease is written by its kubelet, and by no other node's.
      if (spec.lease->name.empty()) {
        evidence.push_back({.place = target_, .target = true});
      } else {
        evidence.push_back({.place = {Place::Kind::kNamespace, spec.lease->name_space.empty()
                                                                   ? crds::kNodeLeases
                                                                   : spec.lease->name_space}});
      }
    }
    if (spec.absent) evidence.push_back({.place = target_, .target = true});
    for (const signals::SignalPtr& signal : policy_.triggers[index].signals) {
      for (const cel::Read& read : signal->Reads()) AddRead(read, evidence);
    }
    return evidence;
  }

  void AddRead(const cel::Read& read, std::vector<Evidence>& evidence) const {
    const auto& steps = read.path.steps;
    const bool named = !steps.empty() && steps[0].kind == Step::Kind::kField;
    if (read.variable == "object") {
      evidence.push_back({.place = target_, .target = !IsIdentity(read.path)});
    } else if (read.variable == "related" && named) {
      for (const RelatedJoin& join : policy_.related) {
        if (join.name != steps[0].field) continue;
        evidence.push_back({.place = PlaceOfJoin(join), .join = join.name});
      }
    } else if (read.variable == "events" && named) {
      evidence.push_back({.place = PlaceOfEvents(steps[0].field)});
    } else if (read.variable == "variables" && named) {
      // Variables read only those before them.
      for (const NamedProgram& variable : policy_.variables) {
        if (variable.name != steps[0].field) continue;
        for (const cel::Read& below : variable.program.reads()) AddRead(below, evidence);
      }
    } else if (read.variable == "related" || read.variable == "events" ||
               read.variable == "variables") {
      evidence.push_back({});
    }
  }

  // Events about cluster-scoped objects stand in a namespace, too.
  static Place Forgeable(Place about) {
    if (about.kind == Place::Kind::kCluster) return {Place::Kind::kNamespace, "default"};
    return about;
  }

  Place PlaceOfEvents(std::string_view name) const {
    for (const EventSource& source : policy_.events) {
      if (source.spec.name != name) continue;
      if (std::holds_alternative<crds::AboutTarget>(source.spec.about)) return Forgeable(target_);
      const auto* related = std::get_if<crds::AboutRelated>(&source.spec.about);
      for (const RelatedJoin& join : policy_.related) {
        if (related != nullptr && join.name == related->related) {
          return Forgeable(PlaceOfJoin(join));
        }
      }
    }
    return {};
  }

  bool Same(const Place& a, const Place& b) const {
    if (a.kind == Place::Kind::kSomeNamespace || b.kind == Place::Kind::kSomeNamespace) {
      return false;
    }
    if (a.kind == b.kind) return a.name_space == b.name_space;
    // The target's namespace is certain when the policy has only one.
    const std::vector<std::string>& target = policy_.spec.target.namespaces;
    const Place& fixed = a.kind == Place::Kind::kNamespace ? a : b;
    const Place& other = a.kind == Place::Kind::kNamespace ? b : a;
    return fixed.kind == Place::Kind::kNamespace && other.kind == Place::Kind::kWithTarget &&
           target == std::vector<std::string>{fixed.name_space};
  }

  bool Justified(const std::vector<Evidence>& evidence, const Written& written) const {
    const auto sound = [&](const Evidence& one) {
      if (one.place.kind == Place::Kind::kCluster) return one.target || !one.join.empty();
      if (one.target && written.is_target) return true;
      if (std::find(written.joins.begin(), written.joins.end(), one.join) != written.joins.end()) {
        return true;
      }
      return written.place.kind != Place::Kind::kCluster && Same(one.place, written.place);
    };
    return evidence.empty() || std::any_of(evidence.begin(), evidence.end(), sound);
  }

  Status Refuse(size_t trigger, size_t remedy, size_t step, const Written& written) const {
    const policy::Step& writes = policy_.remedies[remedy].steps[step];
    std::string message = "spec.triggers[" + std::to_string(trigger) + "]: \"" +
                          policy_.triggers[trigger].name + "\" rests only on what people in a " +
                          "namespace can forge (Events, alerts, fields of namespaced objects), " +
                          "but spec.remedies[" + std::to_string(remedy) + "].steps[" +
                          std::to_string(step) + "] (" + std::string(writes.action->kind()) +
                          ") writes " + written.text + ", which is not in that namespace: " +
                          "expected a condition or match on that object in the same trigger";
    if (written.place.kind == Place::Kind::kSomeNamespace && written.is_target) {
      message += ", or spec.target.namespaces if " + policy_.target.kind + " has namespaces";
    }
    return InvalidArgument(message);
  }

  const CompiledPolicy& policy_;
  Place target_;
};

}  // namespace

Status CheckTrust(const CompiledPolicy& policy) {
  return TrustCheck(policy).Run();
}

}  // namespace kr::policy
