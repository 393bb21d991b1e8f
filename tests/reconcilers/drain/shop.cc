#include "tests/reconcilers/drain/shop.h"

namespace kr::drain {

Shop::Shop(int nodes) {
  for (int i = 1; i <= nodes; ++i) {
    const std::string name = "n" + std::to_string(i);
    cluster.Put(Node{.name = name,
                     .uid = name + "-uid",
                     .labels = {{"kubernetes.io/hostname", name},
                                {"topology.kubernetes.io/zone", "z" + std::to_string(i % 3)}},
                     .allocatable = {{"cpu", 8}, {"memory", 32e9}, {"pods", 110}}});
  }
}

Pod Shop::MakePod(const std::string& name, const std::string& app, const std::string& on) const {
  PodSpec spec{.requests = {{"cpu", 0.5}}};
  return {.key = {"shop", name},
          .uid = name + "-uid",
          .node = on,
          .labels = {{"app", app}},
          .spec = std::make_shared<PodSpec>(std::move(spec)),
          .ready_since = now - absl::Hours(1)};
}

void Shop::Replicas(const std::string& owner, const std::vector<std::string>& on) {
  char letter = 'a';
  for (const std::string& node : on) {
    Pod pod = MakePod(owner + "-" + letter++, owner, node);
    pod.owner = Owner{"apps", "ReplicaSet", owner, owner + "-uid"};
    cluster.Put(std::move(pod));
  }
}

void Shop::Operated(const std::string& name, const std::vector<std::string>& on) {
  int ordinal = 0;
  for (const std::string& node : on) {
    Pod pod = MakePod(name + "-" + std::to_string(ordinal++), name, node);
    pod.owner = Owner{"core.strimzi.io", "StrimziPodSet", name, name + "-uid"};
    cluster.Put(std::move(pod));
  }
}

void Shop::Set(const std::string& name, const std::vector<std::string>& on) {
  const auto replicas = static_cast<int64_t>(on.size());
  for (int64_t i = 0; i < replicas; ++i) {
    Pod pod = MakePod(name + "-" + std::to_string(i), name, on[static_cast<size_t>(i)]);
    pod.owner = Owner{"apps", "StatefulSet", name, name + "-uid"};
    cluster.Put(std::move(pod));
  }
  cluster.Put(StatefulSet{.key = {"shop", name},
                          .uid = name + "-uid",
                          .replicas = replicas,
                          .ready_replicas = replicas,
                          .updated_replicas = replicas,
                          .current_revision = "r1",
                          .update_revision = "r1",
                          .selector = {.match_labels = {{"app", name}}}});
}

void Shop::Lonely(const std::string& name, const std::string& on) {
  cluster.Put(MakePod(name, name, on));
}

void Shop::DaemonPod(const std::string& name, const std::string& on) {
  Pod pod = MakePod(name, name, on);
  pod.owner = Owner{"apps", "DaemonSet", "agent", "agent-uid"};
  cluster.Put(std::move(pod));
}

void Shop::Limit(const std::string& app, int64_t allowed, int64_t healthy, int64_t desired) {
  cluster.Put(Budget{.key = {"shop", app + "-budget"},
                     .selector = crds::LabelSelector{.match_labels = {{"app", app}}},
                     .allowed = allowed,
                     .healthy = healthy,
                     .desired = desired,
                     .expected = 3,
                     .says = "minAvailable " + std::to_string(desired)});
}

void Shop::GiveVolume(const std::string& pod, const std::string& volume,
                      const std::vector<std::string>& nodes) {
  EditPod(pod, [&](Pod& p) { p.claims.push_back("data-" + pod); });
  cluster.Put(Claim{.key = {"shop", "data-" + pod}, .volume = volume});
  Volume made{.name = volume, .attachable = nodes.empty()};
  if (!nodes.empty()) {
    made.node_terms = NodeTerms{{{.key = "kubernetes.io/hostname", .op = "In", .values = nodes}}};
  }
  cluster.Put(std::move(made));
  cluster.Put(Attachment{.volume = volume,
                         .node = cluster.FindPod({"shop", pod})->node,
                         .driver = "disks",
                         .done = true});
}

void Shop::Evicted(const std::string& pod) {
  const Pod gone = *cluster.FindPod({"shop", pod});
  cluster.Reserve(gone.key, gone.uid, "drain-n1", now);
  cluster.Settle(gone.key, gone.uid, now);
  cluster.RemovePod(gone.key);
  evicted[gone.uid] = gone.key;
}

Situation Shop::Drain(const std::string& node) {
  EditNode(node, [](Node& n) { n.unschedulable = true; });
  return {.rules = rules,
          .cluster = cluster,
          .node = node,
          .node_uid = node + "-uid",
          .self = "drain-" + node,
          .started = now - absl::Seconds(10),
          .now = now,
          .evicted = evicted,
          .answers = answers,
          .wants = wants,
          .operated = operated};
}

std::string Shop::Text(const Decision& decision) {
  if (const auto* evict = std::get_if<Evict>(&decision)) {
    std::string text = evict->remove ? "delete:" : "";
    for (const Pod* pod : evict->pods) text += (text.empty() ? "" : " ") + pod->key.name;
    return text;
  }
  if (const auto* pause = std::get_if<Pause>(&decision)) return "wait: " + pause->text;
  if (const auto* done = std::get_if<Drained>(&decision)) {
    return (done->complete ? "complete: " : "partial: ") + done->text;
  }
  const auto& gave_up = std::get<GiveUp>(decision);
  return gave_up.reason + ": " + gave_up.text;
}

std::string Shop::Planned(const std::string& pod) {
  const Situation situation = Drain();
  const Plan plan = MakePlan(situation);
  for (const Line& line : plan.lines) {
    if (line.pod->key.name != pod) continue;
    return line.Text() + (line.Message().empty() ? "" : "; " + line.Message());
  }
  return "not on the node";
}

}  // namespace kr::drain
