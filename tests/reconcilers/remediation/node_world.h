#pragma once

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {

// Nodes with their kubelets: while one is up it renews its lease every ten seconds.
class NodeWorld : public ::testing::Test {
 protected:
  using json = nlohmann::json;

  void Node(const std::string& name, const json& labels = json::object()) {
    s.server.Put("nodes", {{"metadata",
                            {{"name", name}, {"labels", labels}, {"annotations", json::object()}}},
                           {"spec", json::object()},
                           {"status",
                            {{"nodeInfo", {{"bootID", "boot-1"}}},
                             {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    kubelets.push_back(name);
    Renew(name);
  }
  void Nodes(int count) {
    for (int i = 0; i < count; ++i) Node("n" + std::to_string(i));
  }
  // What the node lifecycle controller, or the kubelet, writes.
  void Ready(const std::string& name, const std::string& status) {
    json node = Get(name);
    for (json& condition : node["status"]["conditions"]) {
      if (condition["type"] == "Ready") condition["status"] = status;
    }
    s.server.Put("nodes", node);
    s.Advance(absl::Milliseconds(100));
  }
  // The kubelet hangs, or its host is off.
  void Silence(const std::string& name) { std::erase(kubelets, name); }
  void Speak(const std::string& name) {
    kubelets.push_back(name);
    Renew(name);
  }
  void Renew(const std::string& name) {
    s.server.Put(
        "leases",
        {{"metadata", {{"namespace", "kube-node-lease"}, {"name", name}}},
         {"spec",
          {{"holderIdentity", name},
           {"renewTime", "2026-01-02T03:04:05." + std::to_string(100000 + ++renewals) + "Z"}}}});
  }
  void Pass(absl::Duration duration) {
    while (duration > absl::ZeroDuration()) {
      const absl::Duration step = std::min(duration, absl::Seconds(10));
      s.Advance(step);
      duration -= step;
      for (const std::string& name : kubelets) Renew(name);
      s.Run();
    }
  }
  void Edit(const std::string& name, const json& patch) {
    json node = Get(name);
    node.merge_patch(patch);
    s.server.Put("nodes", node);
    s.Advance(absl::Milliseconds(100));
  }

  static json Spec(const json& patch = json::object()) {
    json spec = json::parse(R"JSON({
      "target": {"apiVersion": "v1", "kind": "Node", "all": true},
      "triggers": [{"name": "down", "for": "1s",
                    "condition": {"type": "Ready", "status": ["False", "Unknown"]}}],
      "remedies": [{"name": "out", "cureWithin": "5m", "steps": [{"cordon": {}}]}],
      "recovery": {"stableFor": "2s"},
      "limits": {"maxUnhealthy": "60%", "maxConcurrent": 1, "cooldown": "10m"}})JSON");
    spec.merge_patch(patch);
    return spec;
  }
  static json Remedy(const json& steps, const std::string& within = "5m") {
    return json::array({{{"name", "out"}, {"cureWithin", within}, {"steps", steps}}});
  }

  json Get(const std::string& name) const { return s.Get("nodes", "/" + name); }
  bool Cordoned(const std::string& name) const {
    return Get(name)["spec"].value("unschedulable", false);
  }
  std::string Held(const std::string& name) const {
    return Get(name)["metadata"]
        .value("annotations", json::object())
        .value("kube-remedy.io/holders", "");
  }
  std::vector<std::string> Taints(const std::string& name) const {
    std::vector<std::string> taints;
    for (const json& taint : Get(name)["spec"].value("taints", json::array())) {
      taints.push_back(taint["key"].get<std::string>() + ":" + taint["effect"].get<std::string>());
    }
    return taints;
  }
  // "True", "False"; "" when the node has no such condition.
  std::string Condition(const std::string& name, const std::string& type) const {
    const json node = Get(name);
    for (const json& condition : node["status"]["conditions"]) {
      if (condition["type"] == type) return condition["status"];
    }
    return "";
  }
  bool HasFinalizer(size_t index = 0) const {
    return !s.Remediations().at(index)["metadata"].value("finalizers", json::array()).empty();
  }
  std::string Message(size_t index = 0) const {
    return s.Remediations().at(index)["status"].value("message", "");
  }

  Simulation s;
  std::vector<std::string> kubelets;
  int renewals = 0;
};

}  // namespace kr::remediation
