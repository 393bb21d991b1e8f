#include "reconcilers/policy/event_log.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_split.h"

namespace kr::policy {
namespace {

// A source that says the same keeps its memory over edits of the rest of the policy.
std::string SourceKey(const CompiledPolicy& policy, const EventSource& source) {
  const crds::EventSource& spec = source.spec;
  return policy.id + "\n" + spec.name + "\n" + source.about_kind + "\n" + spec.type + "\n" +
         spec.reason + "\n" + spec.message;
}

// The UID tells a replaced pod of the same name apart; that of a Node's event is not usable
// (kubernetes #29289).
std::string ObjectKey(const crds::ObjectReference& object, bool with_uid) {
  std::string key = object.kind + "\n" + object.name_space + "\n" + object.name;
  if (with_uid && object.kind != "Node") key += "\n" + object.uid;
  return key;
}

// The other way round.
crds::ObjectReference ReferenceOf(const std::string& key, const std::string& api_version) {
  std::vector<std::string> parts = absl::StrSplit(key, '\n');
  parts.resize(4);
  return {api_version, parts[0], parts[1], parts[2], parts[3]};
}

crds::ObjectReference AboutOf(const cache::EventFacts& event) {
  return {event.about_api_version, event.about_kind, event.about_namespace, event.about_name,
          event.about_uid};
}

void Merge(signals::EventFacts& facts, const cache::EventRing* ring, absl::Duration within,
           absl::Time since, absl::Time now) {
  if (ring == nullptr) return;
  const absl::Duration window =
      since == absl::InfinitePast() ? within : std::min(within, now - since);
  const int64_t count = ring->Count(window, now);
  if (count == 0) return;
  // The first moment at which this ring counts less: a safe time to look again, whatever number
  // the sum over all objects has to reach.
  const absl::Time less = ring->FallsBelow(count, within, now);
  facts.enough_until = facts.count == 0 ? less : std::min(facts.enough_until, less);
  facts.count += count;
  facts.first = std::min(facts.first, ring->First(window, now));
  facts.none_from = std::max(facts.none_from, ring->last() + within);
  if (ring->last() >= facts.last) {
    facts.last = ring->last();
    facts.message = ring->last_message();
  }
}

}  // namespace

bool EventLog::Add(const CompiledPolicy& policy, const EventSource& source,
                   const cache::EventFacts& event, absl::Time now) {
  if (event.about_kind != source.about_kind) return false;
  if (!source.spec.type.empty() && event.type != source.spec.type) return false;
  if (!source.reason.Matches(event.reason) || !source.message.Matches(event.message)) return false;
  const crds::ObjectReference about = AboutOf(event);
  const std::string key = ObjectKey(about, !about.uid.empty());
  return rings_.Add(SourceKey(policy, source), key, event, source.spec.within, now) > 0;
}

void EventLog::Restore(const CompiledPolicy& policy, const crds::Evidence& evidence,
                       absl::Time now) {
  if (!evidence.object || !evidence.last_seen) return;
  for (const EventSource& source : policy.events) {
    if ("events." + source.spec.name != evidence.source) continue;
    // One at a time: a first sight counts once.
    for (int64_t i = 0; i < evidence.count; ++i) {
      cache::EventFacts event;
      event.uid = "evidence-" + std::to_string(i);
      event.message = evidence.message;
      event.time = event.first_time = *evidence.last_seen;
      rings_.Add(SourceKey(policy, source),
                 ObjectKey(*evidence.object, !evidence.object->uid.empty()), event,
                 source.spec.within, now);
    }
  }
}

signals::EventFacts EventLog::About(const CompiledPolicy& policy, const EventSource& source,
                                    const crds::ObjectReference& object, absl::Time since,
                                    absl::Time now) const {
  signals::EventFacts facts{.object = object};
  facts.last = absl::InfinitePast();
  const std::string source_key = SourceKey(policy, source);
  Merge(facts, rings_.Find(source_key, ObjectKey(object, true)), source.spec.within, since, now);
  if (object.kind != "Node") {
    Merge(facts, rings_.Find(source_key, ObjectKey(object, false)), source.spec.within, since, now);
  }
  return facts;
}

std::vector<crds::ObjectReference> EventLog::Objects(const CompiledPolicy& policy,
                                                     const EventSource& source) const {
  std::vector<crds::ObjectReference> objects;
  const auto* about = std::get_if<crds::AboutKind>(&source.spec.about);
  if (about == nullptr) return objects;
  rings_.ForEach(SourceKey(policy, source), [&](const std::string& key, const cache::EventRing&) {
    objects.push_back(ReferenceOf(key, about->api_version));
  });
  return objects;
}

}  // namespace kr::policy
