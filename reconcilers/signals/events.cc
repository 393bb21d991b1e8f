#include "reconcilers/signals/events.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kr::signals {
namespace {

// Each piece of evidence costs room in a status; the noisiest objects tell the story.
constexpr size_t kMaxEvidence = 5;

class EventsSignal final : public Signal {
 public:
  explicit EventsSignal(crds::EventsSignal spec) : spec_(std::move(spec)) {}

  Reading Read(const View& view) const override {
    auto facts = view.Events(spec_.from, spec_.count);
    if (!facts.ok()) return {.value = Tri::kUnknown, .cause = std::string(Message(facts.status()))};
    Reading reading = spec_.distinct ? CountDistinct(*facts) : CountAll(*facts);
    if (reading.value != Tri::kTrue) return reading;
    std::stable_sort(facts->begin(), facts->end(),
                     [](const EventFacts& a, const EventFacts& b) { return a.count > b.count; });
    for (const EventFacts& f : *facts) {
      if (f.count == 0 || reading.evidence.size() == kMaxEvidence) break;
      reading.evidence.push_back({.source = "events." + spec_.from,
                                  .object = f.object,
                                  .message = f.message,
                                  .count = f.count,
                                  .first_seen = f.first,
                                  .last_seen = f.last});
    }
    return reading;
  }

  std::vector<cel::Read> Reads() const override { return {}; }
  bool IsOccurrence() const override { return true; }
  bool LooksBack() const override { return true; }

 private:
  Reading CountAll(const std::vector<EventFacts>& facts) const {
    int64_t total = 0;
    for (const EventFacts& f : facts) total += f.count;
    if (total < spec_.count) return {.value = Tri::kFalse};
    Reading reading{.value = Tri::kTrue};
    // Every object's facts name the same moment: when the sum over all falls below the number.
    for (const EventFacts& f : facts) {
      reading.valid_until = std::min(reading.valid_until, f.enough_until);
    }
    return reading;
  }

  Reading CountDistinct(const std::vector<EventFacts>& facts) const {
    // Each with the time from when on nothing of it is left in the window.
    std::map<std::string, absl::Time> different;
    absl::Time first = absl::InfiniteFuture();
    for (const EventFacts& f : facts) {
      const std::string name = f.count > 0 ? NameIn(f) : "";
      if (name.empty()) continue;
      absl::Time& until = different.try_emplace(name, absl::InfinitePast()).first->second;
      until = std::max(until, f.none_from);
      first = std::min(first, f.first);
    }
    const size_t wanted = static_cast<size_t>(spec_.count);
    if (different.size() < wanted) return {.value = Tri::kFalse};
    std::vector<absl::Time> ends;
    std::string names;
    for (const auto& [name, until] : different) {
      ends.push_back(until);
      if (ends.size() <= kMaxEvidence) names += (names.empty() ? "" : ", ") + name;
      if (ends.size() == kMaxEvidence + 1) names += ", ...";
    }
    std::sort(ends.begin(), ends.end(), std::greater<>());
    Reading reading{.value = Tri::kTrue, .valid_until = ends[wanted - 1]};
    reading.evidence.push_back({.source = "events." + spec_.from,
                                .message = std::to_string(different.size()) + " different " +
                                           std::string(crds::ToString(*spec_.distinct)) +
                                           "s: " + names,
                                .count = static_cast<int64_t>(different.size()),
                                .first_seen = first});
    return reading;
  }

  // What is compared; "" takes no part.
  std::string NameIn(const EventFacts& facts) const {
    const auto qualified = [&](const std::string& name) {
      return facts.object.name_space.empty() ? name : facts.object.name_space + "/" + name;
    };
    switch (*spec_.distinct) {
      case crds::Distinct::kNode:
        return facts.object.kind == "Node" ? facts.object.name : facts.node;
      case crds::Distinct::kOwner:
        if (!facts.owner.empty()) return qualified(facts.owner);
        break;
      case crds::Distinct::kObject:
        break;
    }
    return qualified(facts.object.name);
  }

  crds::EventsSignal spec_;
};

}  // namespace

SignalPtr MakeEvents(const crds::EventsSignal& spec) {
  return std::make_unique<EventsSignal>(spec);
}

}  // namespace kr::signals
