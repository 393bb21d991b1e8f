// Prints the objects of a made-up cluster: for loading into an API server, or as a server sends
// them.

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tests/bench/data/cluster_data.h"

namespace {

using kr::bench::ClusterData;
using kr::bench::DataSet;
using Json = nlohmann::ordered_json;

void Print(const std::string& line) {
  std::printf("%s\n", line.c_str());
}

void PrintList(const ClusterData& data, bool pods, int count, int page_size) {
  for (int first = 0; first < count; first += page_size) {
    std::vector<Json> items;
    const int end = std::min(first + page_size, count);
    for (int i = first; i < end; ++i) {
      items.push_back(pods ? data.ServedPod(i) : data.ServedNode(i));
    }
    Print(kr::bench::ListPage(items, "10000000", end < count ? std::to_string(end) : ""));
  }
}

}  // namespace

int main(int argc, char** argv) {
  ClusterData::Options options;
  std::string kind = "pods";
  std::string form = "objects";
  int page_size = 500;
  CLI::App app("Prints made-up nodes, pods or their namespaces, one JSON text per line");
  app.add_option("--set", options.set, "uniform or realistic")
      ->transform(CLI::CheckedTransformer(std::map<std::string, DataSet>{
          {"uniform", DataSet::kUniform}, {"realistic", DataSet::kRealistic}}));
  app.add_option("--nodes", options.nodes, "how many")->check(CLI::PositiveNumber);
  app.add_option("--pods", options.pods, "how many")->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed, "another one makes another cluster");
  app.add_option("--kind", kind)->check(CLI::IsMember({"pods", "nodes", "namespaces"}));
  app.add_option("--form", form, "objects to create, watch events or pages of a list")
      ->check(CLI::IsMember({"objects", "watch", "list"}));
  app.add_option("--page-size", page_size)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  const ClusterData data(options);
  if (kind == "namespaces") {
    for (const std::string& name : data.Namespaces()) {
      Print(
          Json{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}}.dump());
    }
    return 0;
  }
  const bool pods = kind == "pods";
  const int count = pods ? options.pods : options.nodes;
  if (form == "list") {
    PrintList(data, pods, count, page_size);
    return 0;
  }
  for (int i = 0; i < count; ++i) {
    if (form == "watch") {
      Print(kr::bench::WatchLine(pods ? data.ServedPod(i) : data.ServedNode(i)));
    } else {
      Print((pods ? data.Pod(i) : data.Node(i)).dump());
    }
  }
  return 0;
}
