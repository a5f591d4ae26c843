#pragma once

#include <string>
#include <vector>

namespace milepost::cli {

// A table for a terminal, or as CSV. Numbers stand right.
class Table {
 public:
  struct Column {
    std::string title;
    bool number = false;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }

  std::string ToText() const;
  // RFC 4180, UTF-8, with a header line.
  std::string ToCsv() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace milepost::cli
