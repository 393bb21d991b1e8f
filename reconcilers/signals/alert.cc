#include "reconcilers/signals/alert.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "crds/meta/time.h"
#include "reconcilers/signals/past.h"

namespace kr::signals {
namespace {

constexpr size_t kMaxEvidence = 5;

class AlertSignal final : public Signal {
 public:
  explicit AlertSignal(crds::AlertSignal spec) : spec_(std::move(spec)) {}

  Reading Read(const View& view) const override {
    if (view.past().onlooker) return {.cause = std::string("alert: ") + kControllerOnly};
    const TargetName target = view.target();
    const Alerts& alerts = view.past().alerts;
    Reading reading{.value = Tri::kFalse};
    absl::Time until = absl::InfinitePast();
    bool heard = false;
    alerts.ForEach(spec_.target_labels.name, target.name, view.now(),
                   [&](const Alerts::Word& word) {
                     if (!IsMeant(word.alert.labels, target.name_space)) return;
                     heard = true;
                     if (!word.alert.firing) return;
                     reading.value = Tri::kTrue;
                     until = std::max(until, word.until);
                     if (reading.evidence.size() == kMaxEvidence) return;
                     reading.evidence.push_back({.source = "alert",
                                                 .message = Describe(word.alert),
                                                 .first_seen = word.alert.starts_at,
                                                 .last_seen = word.heard});
                   });
    if (reading.value == Tri::kTrue) {
      reading.valid_until = until;
    } else if (const absl::Time known = alerts.silence_means_resolved_from();
               !heard && view.remediating_since() && view.now() < known) {
      reading.value = Tri::kUnknown;
      reading.cause = known == absl::InfiniteFuture()
                          ? "alert: no alerts are received"
                          : "alert: Alertmanager has not said anything about it since the "
                            "controller started; after " +
                                crds::FormatTime(known) + " silence means resolved";
      reading.valid_until = known;
    }
    return reading;
  }

  std::optional<TargetName> TargetOf(const Labels& labels) const override {
    const auto name = labels.find(spec_.target_labels.name);
    if (name == labels.end() || !HasLabels(labels)) return std::nullopt;
    const auto name_space = labels.find(spec_.target_labels.name_space);
    return TargetName{
        name_space == labels.end() ? std::string_view() : name_space->second, name->second, {}};
  }

  std::vector<cel::Read> Reads() const override { return {}; }
  bool IsOccurrence() const override { return true; }

 private:
  bool HasLabels(const Labels& labels) const {
    return std::all_of(spec_.labels.begin(), spec_.labels.end(), [&](const auto& wanted) {
      const auto found = labels.find(wanted.first);
      return found != labels.end() && found->second == wanted.second;
    });
  }
  bool IsMeant(const Labels& labels, std::string_view name_space) const {
    if (!HasLabels(labels)) return false;
    if (name_space.empty()) return true;
    const auto found = labels.find(spec_.target_labels.name_space);
    return found != labels.end() && found->second == name_space;
  }
  static std::string Describe(const Alert& alert) {
    const auto name = alert.labels.find("alertname");
    std::string text = name == alert.labels.end() ? "an alert" : name->second;
    text += " fires since " + crds::FormatTime(alert.starts_at);
    return alert.summary.empty() ? text : text + ": " + alert.summary;
  }

  crds::AlertSignal spec_;
};

}  // namespace

SignalPtr MakeAlert(const crds::AlertSignal& spec) {
  return std::make_unique<AlertSignal>(spec);
}

}  // namespace kr::signals
