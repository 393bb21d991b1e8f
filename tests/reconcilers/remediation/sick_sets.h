#pragma once

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/reconcilers/remediation/simulation.h"

namespace kr::remediation {

// DaemonSets that AnnotatedSpec finds sick when a test says so.
class SickSets : public ::testing::Test {
 protected:
  static std::string Name(int i) { return "ds-" + std::to_string(i); }
  // ds-0, ds-1, ... in the namespace "net".
  void Sets(int n, const nlohmann::json& labels = nlohmann::json::object()) {
    for (int i = 0; i < n; ++i) {
      s.DaemonSet(Name(i));
      if (labels.empty()) continue;
      s.Edit("daemonsets", "net/" + Name(i), {{"metadata", {{"labels", labels}}}});
    }
  }
  void Sick(int i, bool sick = true) { Sick(Name(i), sick); }
  void Sick(const std::string& name, bool sick = true) {
    const nlohmann::json value = sick ? nlohmann::json{{"sick", "yes"}} : nlohmann::json();
    s.Edit("daemonsets", "net/" + name, {{"metadata", {{"annotations", value}}}});
  }

  Simulation s;
};

}  // namespace kr::remediation
