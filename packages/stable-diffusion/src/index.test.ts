import { expect, it } from 'vitest';
import * as face from './index.ts';

// A change here is a change of what other packages rely on.
it('exports what others use, and nothing else', () => {
  expect(Object.keys(face).sort()).toEqual([
    'SAMPLERS',
    'SAMPLER_NAMES',
    'SETTINGS_FILE',
    'createAutoencoder',
    'createClipTextEncoder',
    'createNetworks',
    'createNoiseSchedule',
    'createTokenizer',
    'createUNet',
    'expectedShapes',
    'loadModel',
    'loadTokenizer',
    'matchKeys',
    'modelFingerprint',
    'openModel',
    'parseClipTextConfig',
    'parseSchedulerConfig',
    'parseSchedulerConfigText',
    'parseUNetConfig',
    'parseVaeConfig',
    'planDiffusersFolder',
    'readRecommendedSettings',
    'readTokenizerFiles',
    'sampleDdim',
    'sampleDdpm',
    'sampleDpmpp2m',
    'sampleDpmpp2mKarras',
    'sampleEuler',
    'sampleEulerAncestral',
    'samplePndm',
    'sampleUnipc',
    'samplerForConfig',
    'weightsToLoad',
    'writeLdmFile',
    'writePlannedFiles',
  ]);
});
