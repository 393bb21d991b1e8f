#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/cel/program.h"
#include "controller/document/projection.h"
#include "controller/kube/resource.h"
#include "crds/v1alpha1/remediation.h"
#include "crds/v1alpha1/remediation_policy.h"
#include "reconcilers/actions/action.h"
#include "reconcilers/limits/windows.h"
#include "reconcilers/policy/apply_to.h"
#include "reconcilers/policy/group_key.h"
#include "reconcilers/policy/related.h"
#include "reconcilers/policy/selector.h"
#include "reconcilers/signals/pattern.h"
#include "reconcilers/signals/signal.h"

// A policy after it was accepted: everything that can be wrong with it has been found. Immutable
// and shared: an open remediation keeps the one it started with.
namespace kr::policy {

struct EventSource {
  crds::EventSource spec;
  std::string about_kind;  // kind of the objects that the Events are about
  signals::Pattern reason;
  signals::Pattern message;
};

struct Trigger {
  std::string name;
  absl::Duration hold_for;
  std::vector<signals::SignalPtr> signals;  // AND
  bool about_places = false;                // may hold for a place where no object is
  bool planned = false;                     // is no sign of anything being wrong

  // A `for` over an hour is worth remembering over restarts.
  bool IsLong() const { return hold_for > absl::Hours(1); }
};

struct Step {
  crds::Step spec;
  std::optional<ApplyTo> apply_to;  // absent: the target, or the object that the action names
  std::unique_ptr<const actions::Action> action;
};

struct Remedy {
  std::string name;
  std::vector<NamedProgram> match_conditions;
  std::vector<NamedProgram> record;  // by key
  std::vector<Step> steps;
  std::vector<NamedProgram> verify;  // empty: cured
  absl::Duration cure_within;
  int64_t attempts = 1;
};

// The fields of one kind's objects that the policy reads.
struct KindReads {
  kube::GroupVersionKind gvk;
  std::vector<document::Path> paths;
};

// One policy for targets of one kind. A policy for several kinds is one of these for each: they
// share name, UID, generation and limits, and everything else is made for the kind.
struct CompiledPolicy {
  std::string name;
  std::string uid;
  std::string id;  // UID and kind: what is remembered over edits is remembered by it
  int64_t generation = 0;
  absl::Time created;
  // The value in force of a parameter stands where its default stood.
  crds::RemediationPolicySpec spec;

  cel::Value params;                  // what expressions read as `params`
  std::set<std::string> read_params;  // those that something reads
  kube::GroupVersionKind target;
  Selector selector;
  std::vector<RelatedJoin> related;
  std::vector<EventSource> events;
  std::vector<NamedProgram> variables;
  std::vector<Trigger> triggers;  // OR
  std::vector<Remedy> remedies;
  std::vector<limits::Window> windows;
  std::vector<GroupKey> groups;                     // of limits.groups
  std::vector<NamedProgram> healthy;                // all must hold; empty: the object exists
  std::vector<signals::SignalPtr> healthy_signals;  // all must hold besides
  std::vector<NamedProgram> revert_when;  // recovery.revert.when, as a list of at most one

  KindReads target_reads;
  std::vector<KindReads> related_reads;  // parallel to `related`

  std::vector<signals::LeaseRead> leases;  // that its signals rest on

  bool watches_events() const { return !events.empty(); }
  // Some signal counts what happened since the last remediation.
  bool looks_back = false;
  // The target's names (in each of its namespaces) are places that may be empty: a trigger asks.
  bool has_places = false;
  // It needs TargetBaselines: a trigger has `changed`, or a long `for`.
  bool keeps_baseline = false;
  // Something reads remediation.previous.
  bool reads_previous = false;
  // Only tells: every step of every remedy is a notify.
  bool only_notifies = false;

  // Nodes of the control plane are targets like others: it says that it means them, or only tells.
  bool targets_nodes() const { return target.group.empty() && target.kind == "Node"; }
  bool means_control_plane() const { return only_notifies || spec.target.include_control_plane; }
};

using CompiledPolicyPtr = std::shared_ptr<const CompiledPolicy>;

// When changes are taken back, for people: "30m after the cure and once object.spec.ready".
std::string RevertText(const crds::Revert& revert);

// The kinds that steps work on besides the target.
std::vector<kube::GroupVersionKind> KindsOfSteps(const CompiledPolicy& policy);

}  // namespace kr::policy
