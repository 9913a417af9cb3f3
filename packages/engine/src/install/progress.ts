/** What the installer is busy with. A second process that installs the same thing is waited for. */
export type InstallStep = 'wait' | 'download' | 'unpack' | 'compile' | 'check';

export interface InstallProgress {
  readonly step: InstallStep;
  /** Part of this step that is done, 0 to 1, where it can be known. */
  readonly fraction?: number;
  readonly message: string;
}

export type OnInstallProgress = (progress: InstallProgress) => void;
