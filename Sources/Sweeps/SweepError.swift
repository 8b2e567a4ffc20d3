import Matrices

/// Why a sweep cannot be made.
package enum SweepError: ReportableError, Equatable {
  /// A sweep file that says something impossible.
  case badFile(path: String, problem: String)
  /// The folder holds points of other options.
  case otherSweep(folder: String, difference: String)
  /// A finished run that lacks the figure by which points are compared.
  case noFigure(run: String, figure: String)
  case badShare(task: Int, count: Int)
  /// Its runs cannot be started.
  case noLauncher(String)
  /// Started as several ranks.
  case severalRanks(Int)

  package var exitStatus: ExitStatus {
    switch self {
    case .noFigure: .badData
    case .noLauncher: .unusableMachine
    default: .usage
    }
  }
  package var description: String {
    switch self {
    case .badFile(let path, let problem): "\(path): \(problem)."
    case .otherSweep(let folder, let difference):
      "\(folder) holds another sweep: \(difference). Its runs are not mixed with others; choose another --output."
    case .noFigure(let run, let figure):
      "\(run) is finished, but its results.json has no validation figure '\(figure)'. Choose another choose-by."
    case .badShare(let task, let count):
      "--task \(task) --tasks \(count): tasks are numbered from 0 to one less than their number, as 'sbatch --array=0-7' does "
        + "for 8; give both options or none."
    case .noLauncher(let word):
      "--launcher: there is no program '\(word.forTerminal)'; give its path, e.g. 'launch/mpirun 2'."
    case .severalRanks(let count):
      "a sweep is started once, not on \(count) ranks: it starts its runs itself. For runs on several ranks give it "
        + "--launcher 'launch/mpirun 2'."
    }
  }
}
