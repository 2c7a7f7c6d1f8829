package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"gopkg.in/yaml.v3"
)

// source is a data source in a file: docs/sources/administration/provisioning of Grafana has its keys.
type source struct {
	Name            string         `yaml:"name"`
	Type            string         `yaml:"type"`
	UID             string         `yaml:"uid"`
	URL             string         `yaml:"url"`
	Access          string         `yaml:"access"`
	OrgID           int64          `yaml:"orgId"`
	User            string         `yaml:"user"`
	Database        string         `yaml:"database"`
	BasicAuth       bool           `yaml:"basicAuth"`
	BasicAuthUser   string         `yaml:"basicAuthUser"`
	WithCredentials bool           `yaml:"withCredentials"`
	IsDefault       bool           `yaml:"isDefault"`
	JSONData        map[string]any `yaml:"jsonData"`
	SecureJSONData  map[string]any `yaml:"secureJsonData"`
	Editable        bool           `yaml:"editable"`
	Version         int            `yaml:"version"`
}

type sourcesFile struct {
	APIVersion int64    `yaml:"apiVersion"`
	Prune      bool     `yaml:"prune"`
	Sources    []source `yaml:"datasources"`
	Deleted    []struct {
		Name  string `yaml:"name"`
		OrgID int64  `yaml:"orgId"`
	} `yaml:"deleteDatasources"`
}

type provider struct {
	Name                  string `yaml:"name"`
	OrgID                 int64  `yaml:"orgId"`
	Folder                string `yaml:"folder"`
	FolderUID             string `yaml:"folderUid"`
	Type                  string `yaml:"type"`
	DisableDeletion       bool   `yaml:"disableDeletion"`
	Editable              bool   `yaml:"editable"`
	UpdateIntervalSeconds int64  `yaml:"updateIntervalSeconds"`
	AllowUIUpdates        bool   `yaml:"allowUiUpdates"`
	Options               struct {
		Path                      string `yaml:"path"`
		FoldersFromFilesStructure bool   `yaml:"foldersFromFilesStructure"`
	} `yaml:"options"`
}

type providersFile struct {
	APIVersion int64      `yaml:"apiVersion"`
	Providers  []provider `yaml:"providers"`
}

// page is one of the pages, with the text that it was read from.
type page struct {
	*dashboard.Dashboard
	raw json.RawMessage
}

type everything struct {
	sources map[string]source // by uid
	pages   map[string]page   // likewise
	order   []string
}

// provisioned reads what the folder has; the first thing that Grafana would refuse or leave out is an error.
func provisioned(folder string) (*everything, error) {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())

	found := &everything{sources: map[string]source{}, pages: map[string]page{}}
	if err := each(filepath.Join(folder, "datasources"), "*.yaml", found.takeSources); err != nil {
		return nil, err
	}
	return found, each(filepath.Join(folder, "dashboards"), "*.yaml", found.takeProviders)
}

func each(folder, pattern string, take func(path string) error) error {
	paths, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := take(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func strictly(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	return decoder.Decode(into)
}

func (e *everything) takeSources(path string) error {
	var file sourcesFile
	if err := strictly(path, &file); err != nil {
		return err
	}
	defaults := 0
	for _, one := range file.Sources {
		if one.IsDefault {
			defaults++
		}
		_, taken := e.sources[one.UID]
		switch {
		case one.Name == "" || one.UID == "" || taken:
			return fmt.Errorf("data source %q: needs a name, and a uid of its own", one.Name)
		case one.Type != "prometheus":
			return fmt.Errorf("data source %s: the stand-in knows none of type %q", one.Name, one.Type)
		case one.Access != "proxy":
			return fmt.Errorf("data source %s: access %q would have browsers ask", one.Name, one.Access)
		case defaults > 1:
			return errors.New("only one data source can be the default")
		}
		e.sources[one.UID] = one
	}
	return nil
}

func (e *everything) takeProviders(path string) error {
	var file providersFile
	if err := strictly(path, &file); err != nil {
		return err
	}
	if file.APIVersion != 1 {
		return fmt.Errorf("apiVersion %d: must be 1", file.APIVersion)
	}
	for _, one := range file.Providers {
		if one.Name == "" || one.Type != "file" {
			return fmt.Errorf("provider %q of type %q: needs a name, and the type file", one.Name, one.Type)
		}
		if _, err := os.Stat(one.Options.Path); err != nil {
			return fmt.Errorf("provider %s: %w", one.Name, err)
		}
		if err := each(one.Options.Path, "*.json", e.takePage); err != nil {
			return err
		}
	}
	return nil
}

func (e *everything) takePage(path string) error {
	one, err := readPage(path, e.sources)
	if err != nil {
		return err
	}
	for _, other := range e.pages {
		if *other.Uid == *one.Uid || *other.Title == *one.Title {
			return fmt.Errorf("has uid or title of another one: %s, %s", *one.Uid, *one.Title)
		}
	}
	e.pages[*one.Uid] = one
	e.order = append(e.order, *one.Uid)
	return nil
}

// https://github.com/grafana/grafana/blob/v12.4.12/pkg/util/shortid_generator.go
var validUID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,40}$`)

// readPage holds a page against Grafana's types: no field that they do not have, none missing, no value that they refuse.
func readPage(path string, sources map[string]source) (page, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return page{}, err
	}
	one := page{dashboard.NewDashboard(), raw}
	// Of the SDK's errors the text tells whether there are any: without one it is an empty list, which is no nil. What it has read
	// strictly it leaves out then, so it reads once more.
	for _, err := range []error{dashboard.NewDashboard().UnmarshalJSONStrict(raw), json.Unmarshal(raw, one.Dashboard)} {
		if err != nil && err.Error() != "" {
			return page{}, err
		}
	}
	if err := one.Validate(); err != nil && err.Error() != "" {
		return page{}, err
	}
	if one.Uid == nil || !validUID.MatchString(*one.Uid) || one.Title == nil || *one.Title == "" {
		return page{}, errors.New("needs a title, and a uid of at most 40 letters, digits, - and _")
	}
	numbers := map[uint32]bool{}
	for _, either := range one.Panels {
		number := uint32(0)
		switch {
		case either.RowPanel != nil:
			number = either.RowPanel.Id
		case either.Panel.Id != nil:
			number = *either.Panel.Id
			if err := asks(either.Panel, sources); err != nil {
				return page{}, fmt.Errorf("panel %d: %w", number, err)
			}
		}
		if number == 0 || numbers[number] {
			return page{}, fmt.Errorf("panel %d: needs a number of its own", number)
		}
		numbers[number] = true
	}
	return one, nil
}

func asks(panel *dashboard.Panel, sources map[string]source) error {
	if _, there := cog.ConfigForPanelcfgVariant(panel.Type); !there {
		return fmt.Errorf("the stand-in knows no panel of type %q", panel.Type)
	}
	if len(panel.Targets) == 0 {
		return errors.New("asks nothing")
	}
	for _, target := range panel.Targets {
		query, ok := target.(*prometheus.Dataquery)
		if !ok || query.Datasource == nil || query.Datasource.Uid == nil || query.Expr == "" || query.RefId == nil {
			return fmt.Errorf("a query without a letter, an expression or a data source: %#v", target)
		}
		if _, there := sources[*query.Datasource.Uid]; !there {
			return fmt.Errorf("there is no data source %s", *query.Datasource.Uid)
		}
	}
	return nil
}
