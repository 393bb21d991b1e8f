#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/kubectl-remedy/command.h"
#include "tests/support/fake_clock.h"

namespace kr::cmd {

// Objects by path, with the API server's rules for what the commands use: GET, LIST, and merge
// patches that are refused when their resourceVersion is an old one.
class FakeCluster final : public kube::Client {
 public:
  void Put(const std::string& collection, nlohmann::json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    const std::string name = object["metadata"]["name"];
    objects_[collection][name] = std::move(object);
  }
  nlohmann::json& At(const std::string& collection, const std::string& name) {
    return objects_[collection][name];
  }
  // What a path answers, whatever is asked: discovery, reviews.
  void Answer(const std::string& path, nlohmann::json body) { answers_[path] = std::move(body); }
  const std::vector<std::string>& writes() const { return writes_; }
  std::function<void()> before_get;  // the world moves on

  StatusOr<kube::Reply> Send(const kube::HttpRequest& request, std::stop_token) override {
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (const auto answer = answers_.find(path); answer != answers_.end()) {
      return Answer(answer->second);
    }
    const size_t slash = path.rfind('/');
    if (request.method == "POST") return Create(path, nlohmann::json::parse(request.body));
    if (request.method == "GET" && objects_.contains(path)) return List(path);
    auto& collection = objects_[path.substr(0, slash)];
    const auto object = collection.find(path.substr(slash + 1));
    if (object == collection.end()) return NotFound("\"" + path.substr(slash + 1) + "\" not found");
    if (request.method == "GET") {
      if (before_get) before_get();
      return Answer(object->second);
    }
    return Patch(object->second, request);
  }

 private:
  static kube::Reply Answer(const nlohmann::json& body) { return {.body = body.dump()}; }

  kube::Reply List(const std::string& path) {
    nlohmann::json list = {{"metadata", {{"resourceVersion", "9"}}},
                           {"items", nlohmann::json::array()}};
    for (const auto& [name, object] : objects_[path]) list["items"].push_back(object);
    return Answer(list);
  }

  kube::Reply Create(const std::string& collection, nlohmann::json object) {
    nlohmann::json& metadata = object["metadata"];
    if (metadata.contains("generateName")) {
      metadata["name"] = metadata["generateName"].get<std::string>() + "abcde";
    }
    writes_.push_back(object["spec"].dump());
    Put(collection, object);
    return Answer(objects_[collection][metadata["name"]]);
  }

  StatusOr<kube::Reply> Patch(nlohmann::json& object, const kube::HttpRequest& request) {
    EXPECT_EQ(request.method, "PATCH");
    EXPECT_EQ(request.content_type, "application/merge-patch+json");
    const nlohmann::json patch = nlohmann::json::parse(request.body);
    EXPECT_EQ(patch["metadata"]["uid"], object["metadata"]["uid"]);
    if (patch["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"]) {
      return Aborted("the object has been modified");
    }
    writes_.push_back(patch["spec"].dump());
    object.merge_patch(patch);
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    return Answer(object);
  }

  std::map<std::string, std::map<std::string, nlohmann::json>> objects_;
  std::map<std::string, nlohmann::json> answers_;
  std::vector<std::string> writes_;
  int64_t version_ = 100;
};

// A command line in, text and exit status out.
struct Terminal {
  FakeCluster cluster;
  kr::testing::FakeClock clock;
  std::ostringstream out;
  std::ostringstream err;

  int Run(std::vector<const char*> arguments) {
    out.str("");
    err.str("");
    arguments.insert(arguments.begin(), "kubectl-remedy");
    Console console{
        .out = out,
        .err = err,
        .clock = clock,
        .wait = [this](absl::Duration duration) { clock.Advance(duration); },
        .connect = [this](const kube::ConfigFlags&) { return std::make_unique<Cluster>(cluster); }};
    return RunCommandLine(static_cast<int>(arguments.size()), arguments.data(), console);
  }
};

inline constexpr char kPolicies[] = "/apis/kube-remedy.io/v1alpha1/remediationpolicies";
inline constexpr char kRemediations[] = "/apis/kube-remedy.io/v1alpha1/remediations";

}  // namespace kr::cmd
