#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "controller/document/document.h"
#include "reconcilers/policy/compiled_policy.h"
#include "reconcilers/signals/view.h"

namespace kr::policy {

// What lies around a target: from the stores, or from live reads. Errors mean "unknown".
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  // The objects of policy.related[join] for this target.
  virtual StatusOr<std::vector<document::DocumentPtr>> Related(
      size_t join, const document::Document& target) const = 0;
  // The facts of policy.events[source] for this target; occurrences before `since` do not count.
  virtual StatusOr<std::vector<signals::EventFacts>> Events(size_t source,
                                                            const document::Document& target,
                                                            int64_t enough,
                                                            absl::Time since) const = 0;
  // What signals noted of targets earlier.
  virtual const signals::Past& Past() const;
};

// A remediation of the same target under the same policy that has ended.
struct PreviousRemediation {
  std::string name;
  std::string trigger;
  std::string phase;
  std::string reason;
  std::vector<std::string> remedies;  // that were begun
  absl::Time finished_at;
};

// What expressions see as `remediation`.
struct RemediationFacts {
  std::string name;
  std::string trigger;
  absl::Time started_at;
  std::optional<absl::Time> rung_finished_at;        // unknown before the rung's steps are done
  nlohmann::json record = nlohmann::json::object();  // evidence by key
  std::vector<PreviousRemediation> previous = {};    // when the policy reads it; the newest first
};

// One target under one policy for one evaluation. Values that came out of it refer to Documents
// that it keeps alive.
class TargetView final : public signals::View {
 public:
  struct Options {
    absl::Time now;
    std::optional<RemediationFacts> remediation;
    // For judging a cure: Events count only when they happened after this.
    absl::Time events_since = absl::InfinitePast();
    // Times of a schedule that have been dealt with.
    absl::Time schedule_since = absl::InfinitePast();
  };

  // All references must outlive the view; `object` may be null, or an empty place (place.h).
  TargetView(const CompiledPolicy& policy, document::DocumentPtr object,
             const Surroundings& surroundings, Options options);

  absl::Time now() const override { return options_.now; }
  const document::Document* object() const override;
  signals::TargetName target() const override;
  absl::Time answered() const override { return options_.events_since; }
  absl::Time schedule_answered() const override { return options_.schedule_since; }
  std::optional<absl::Time> remediating_since() const override;
  const signals::Past& past() const override { return surroundings_.Past(); }
  StatusOr<std::vector<signals::EventFacts>> Events(std::string_view source,
                                                    int64_t enough) const override;
  StatusOr<cel::Value> Resolve(std::string_view variable) const override;
  // Joins, Events and variables are got when an expression reads them, each once.
  std::optional<cel::Value> ResolveField(std::string_view variable, std::string_view field,
                                         absl::Time& valid_until) const override;

 private:
  struct Known {
    cel::Value value;  // maybe an error
    absl::Time valid_until = absl::InfiniteFuture();
  };
  const Known& Get(std::string_view variable, std::string_view field) const;
  Known Variable(std::string_view name) const;
  StatusOr<cel::Value> RelatedList(std::string_view name) const;
  StatusOr<cel::Value> EventList(std::string_view source) const;
  cel::Value Remediation() const;

  const CompiledPolicy& policy_;
  document::DocumentPtr object_;
  const Surroundings& surroundings_;
  Options options_;
  // What was asked for, by variable and field, and the documents that values point into.
  mutable std::map<std::pair<std::string, std::string>, Known> known_;
  mutable std::vector<document::DocumentPtr> kept_;
};

}  // namespace kr::policy
