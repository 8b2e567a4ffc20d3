import CMatIO
import Foundation
import Matrices

/// Writes a compressed version 5 .mat file that MATLAB, scipy and this program read. The bytes depend on the content alone.
package final class MatFileWriter {
  private let path: String
  private let temporary: String
  private var file: OpaquePointer?

  /// - Throws: `StorageError` when the file cannot be created.
  package init(path: String) throws {
    self.path = path
    temporary = path + ".\(getpid()).tmp"
    file = Mat_CreateVer(temporary, "MATLAB 5.0 MAT-file, written by cegzsl", MAT_FT_MAT5)
    guard file != nil else { throw StorageError.callFailed(call: "create", path: path, code: errno == 0 ? EIO : errno) }
  }

  deinit {
    if let file {
      Mat_Close(file)
      unlink(temporary)
    }
  }

  /// A row-major R×C matrix as MATLAB's C×R single array, the same bytes.
  package func writeTransposed(_ name: String, _ matrix: Matrix) throws {
    var elements = matrix.elements
    try write(name, MAT_C_SINGLE, MAT_T_SINGLE, matrix.columnCount, matrix.rowCount, &elements)
  }

  /// Numbers as a double column.
  package func writeColumn(_ name: String, _ values: [Double]) throws {
    var elements = values
    try write(name, MAT_C_DOUBLE, MAT_T_DOUBLE, values.count, 1, &elements)
  }

  /// Texts as a cell column.
  package func writeCells(_ name: String, _ texts: [String]) throws {
    var cells: [UnsafeMutablePointer<matvar_t>?] = texts.map { text in
      var units = Array(text.utf16)
      var sizes = [1, units.count]
      return Mat_VarCreate(nil, MAT_C_CHAR, MAT_T_UTF16, 2, &sizes, &units, 0)
    }
    var sizes = [texts.count, 1]
    // The cell array takes the texts over and frees them.
    try finish(name, Mat_VarCreate(name, MAT_C_CELL, MAT_T_CELL, 2, &sizes, &cells, 0))
  }

  private func write(
    _ name: String, _ class: matio_classes, _ type: matio_types, _ rows: Int, _ columns: Int,
    _ elements: UnsafeMutableRawPointer
  ) throws {
    var sizes = [rows, columns]
    try finish(name, Mat_VarCreate(name, `class`, type, 2, &sizes, elements, 0))
  }

  private func finish(_ name: String, _ variable: UnsafeMutablePointer<matvar_t>?) throws {
    guard let variable, let file else {
      throw StorageError.callFailed(call: "create '\(name)'", path: path, code: ENOMEM)
    }
    defer { Mat_VarFree(variable) }
    guard Mat_VarWrite(file, variable, MAT_COMPRESSION_ZLIB) == 0 else {
      throw StorageError.callFailed(call: "write '\(name)'", path: path, code: errno == 0 ? EIO : errno)
    }
  }

  /// Completes the file and puts it in place.
  package func close() throws {
    guard let file else { return }
    self.file = nil
    guard Mat_Close(file) == 0, rename(temporary, path) == 0 else {
      let number = errno
      unlink(temporary)
      throw StorageError.callFailed(call: "close", path: path, code: number == 0 ? EIO : number)
    }
  }
}
