"""The stations of the road: one verb, one public function a file; no station imports another."""
