// Asks our evaluator what the oracle was asked, and compares.
//
//   cel_oracle_compare generate SEED COUNT          questions to standard output
//   cel_oracle_compare table CASES OBJECTS          questions from cases.txt and objects.json
//   cel_oracle_compare golden QUESTIONS ANSWERS     both in one, for the unit tests
//   cel_oracle_compare compare QUESTIONS ANSWERS    exit status 1 when an answer differs
//
// Questions and answers are lines of JSON, see cel/main.go. Any error equals any other error.
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tests/controller/cel/support/canonical.h"
#include "tests/controller/cel/support/random_cel.h"

namespace {

using nlohmann::json;

constexpr int kMostShown = 20;

int Generate(uint64_t seed, int count) {
  kr::testing::RandomCel random(seed);
  for (int i = 0; i < count; ++i) {
    const json object = random.Object();
    const std::string expression = random.Expression();
    std::cout << json{{"expression", expression}, {"object", object}}.dump() << "\n";
  }
  return 0;
}

int Table(const std::string& cases_path, const std::string& objects_path) {
  std::ifstream cases(cases_path);
  std::ifstream objects_file(objects_path);
  const json objects = json::parse(objects_file);
  std::string name;
  std::string line;
  while (std::getline(cases, line)) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '@') {
      name = line.substr(1);
      continue;
    }
    std::cout << json{{"expression", line}, {"name", name}, {"object", objects.at(name)}}.dump()
              << "\n";
  }
  return 0;
}

int Golden(const std::string& questions_path, const std::string& answers_path) {
  std::ifstream questions(questions_path);
  std::ifstream answers(answers_path);
  std::string question_line;
  std::string answer_line;
  while (std::getline(questions, question_line) && std::getline(answers, answer_line)) {
    const json question = json::parse(question_line);
    json answer = json::parse(answer_line);
    // Messages change from release to release.
    answer.erase("message");
    answer["expression"] = question["expression"];
    answer["object"] = question["name"];
    std::cout << answer.dump() << "\n";
  }
  return 0;
}

int Compare(const std::string& questions_path, const std::string& answers_path) {
  std::ifstream questions(questions_path);
  std::ifstream answers(answers_path);
  std::string question_line;
  std::string answer_line;
  int asked = 0;
  int values = 0;
  int different = 0;
  while (std::getline(questions, question_line)) {
    if (!std::getline(answers, answer_line)) {
      std::cerr << "there are fewer answers than questions\n";
      return 1;
    }
    const json question = json::parse(question_line);
    const json expected = json::parse(answer_line);
    const std::string expression = question["expression"];
    const json object = question.contains("object") ? question["object"] : json();
    const json found = kr::testing::Answer(expression, object);
    ++asked;
    // Where cel-go itself breaks there is nothing to compare with.
    if (expected.value("message", "").find("internal error: interface conversion") !=
        std::string::npos) {
      continue;
    }
    const bool error = expected.contains("error");
    values += !error;
    // encoding/json leaves a null value out.
    const json wanted = expected.contains("value") ? expected["value"] : json();
    if (error ? found.contains("error")
              : !found.contains("error") && kr::testing::SameCanonical(found["value"], wanted)) {
      continue;
    }
    if (++different <= kMostShown) {
      std::cerr << "expression: " << expression << "\n  object:   " << object.dump()
                << "\n  expected: " << expected.dump() << "\n  found:    " << found.dump() << "\n";
    }
  }
  std::cout << asked << " expressions, " << values << " with a value, " << different
            << " different\n";
  return different == 0 && asked > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "generate" && argc == 4) return Generate(std::stoull(argv[2]), std::stoi(argv[3]));
  if (mode == "table" && argc == 4) return Table(argv[2], argv[3]);
  if (mode == "golden" && argc == 4) return Golden(argv[2], argv[3]);
  if (mode == "compare" && argc == 4) return Compare(argv[2], argv[3]);
  std::cerr << "usage: cel_oracle_compare generate|table|golden|compare ..., see cel_compare.cc\n";
  return 2;
}
